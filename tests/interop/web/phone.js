// A JsSIP phone for tests: registers over secure WebSocket, calls or answers, and keeps what it hears as samples.
"use strict";

const RATE = 16000;
// A steady tone is noise to the filters of a browser's microphone: they are off.
const MEDIA = { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false };
const phone = { events: [], heard: [], session: null, ua: null };

function note(event) {
  phone.events.push(event);
}

function watch(track) {
  const element = document.createElement("video");
  element.srcObject = new MediaStream([track]);
  element.muted = true;
  element.play();
}

function listen(track) {
  const stream = new MediaStream([track]);
  // Chromium decodes a remote track only while an element plays it.
  const element = new Audio();
  element.srcObject = stream;
  element.muted = true;
  element.play();
  const context = new AudioContext({ sampleRate: RATE });
  const recorder = context.createScriptProcessor(1024, 1, 1);
  recorder.onaudioprocess = (event) => phone.heard.push(Float32Array.from(event.inputBuffer.getChannelData(0)));
  context.createMediaStreamSource(stream).connect(recorder);
  recorder.connect(context.destination);
}

function follow(session) {
  phone.session = session;
  for (const name of ["progress", "accepted", "confirmed", "hold", "unhold"]) session.on(name, () => note(name));
  for (const name of ["ended", "failed"]) session.on(name, (event) => note(`${name}: ${event.originator} ${event.cause}`));
  const heed = (connection) => connection.addEventListener("track", ({ track }) => (track.kind === "video" ? watch : listen)(track));
  if (session.connection) heed(session.connection);
  else session.on("peerconnection", (event) => heed(event.peerconnection));
}

function register(at, user, password) {
  phone.ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(`wss://${at}/`)],
    uri: `sip:${user}@${at}`,
    password,
    register_expires: 600,
  });
  phone.ua.on("registered", () => note("registered"));
  phone.ua.on("registrationFailed", (event) => note(`registration failed: ${event.cause}`));
  phone.ua.on("newRTCSession", ({ originator, session }) => {
    follow(session);
    if (originator === "remote") session.answer({ mediaConstraints: MEDIA, pcConfig: { iceServers: [] } });
  });
  phone.ua.start();
}

function dial(number) {
  phone.ua.call(number, { mediaConstraints: MEDIA, pcConfig: { iceServers: [] } });
}

// From now on calls are offered and answered with the camera.
function film() {
  MEDIA.video = { width: 320, height: 240 };
}

// Pictures seen, by the browser's own account.
async function frames() {
  const report = [...(await phone.session.connection.getStats()).values()];
  return report.find((row) => row.type === "inbound-rtp" && row.kind === "video")?.framesDecoded ?? 0;
}

// What is heard, by the browser's own account.
async function inbound() {
  const report = [...(await phone.session.connection.getStats()).values()];
  const audio = report.find((row) => row.type === "inbound-rtp" && row.kind === "audio");
  return { packets: audio?.packetsReceived ?? 0, codec: report.find((row) => row.id === audio?.codecId)?.mimeType ?? "none" };
}

async function codec() {
  return (await inbound()).codec;
}

async function packets() {
  return (await inbound()).packets;
}

// All that was heard, 16-bit little-endian at RATE, as base64.
function recording() {
  const samples = phone.heard.flatMap((part) => [...part]);
  const words = Int16Array.from(samples, (value) => Math.max(-1, Math.min(1, value)) * 32767);
  return btoa(Array.from(new Uint8Array(words.buffer), (byte) => String.fromCharCode(byte)).join(""));
}
