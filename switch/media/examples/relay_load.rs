//! CPU of the relay threads per packet: `relay_load [CALLS [SECONDS [THREADS [PHASES]]]]`, by default 100 5 1 20.
//!
//! Every call sends 172 bytes each 20 ms both ways on loopback, in PHASES bursts spread over the 20 ms. The generator is this
//! program's main thread; what the process used beyond it is the relay's. Each packet carries its send time.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a measuring tool: it fails by panicking and prints

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tandem_media::{Relay, RelayConfig, raise_descriptor_limit};
use tandem_sdp::{Latch, RelayCommand, RelayId, RelayReport, Side};

const PACKET_EVERY: Duration = Duration::from_millis(20);
const SOCKETS: usize = 16;

fn cpu(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap()
}

fn argument(number: usize, default: u64) -> u64 {
    std::env::args()
        .nth(number)
        .map_or(default, |text| text.parse().unwrap())
}

struct Generator {
    begun: Instant,
    phases: u64,
    sides: [Vec<UdpSocket>; 2],
    ports: Vec<[u16; 2]>,
    sent: u64,
    delays_us: Vec<u32>,
}

impl Generator {
    fn new(phases: u64) -> Self {
        let side = || (0..SOCKETS).map(|_| phone()).collect();
        Self {
            begun: Instant::now(),
            phases,
            sides: [side(), side()],
            ports: Vec::new(),
            sent: 0,
            delays_us: Vec::new(),
        }
    }

    /// One packet each way for the calls of a phase.
    fn speak(&mut self, phase: u64, sequence: u16) {
        let mut packet = [0x55; 172];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        for (call, ports) in self
            .ports
            .iter()
            .enumerate()
            .filter(|(call, _)| *call as u64 % self.phases == phase)
        {
            packet[8..12].copy_from_slice(&(call as u32).to_be_bytes());
            for (sockets, port) in self.sides.iter().zip(ports) {
                let now_us = self.begun.elapsed().as_micros() as u64;
                packet[12..20].copy_from_slice(&now_us.to_be_bytes());
                sockets[call % SOCKETS]
                    .send_to(&packet, (Ipv4Addr::LOCALHOST, *port))
                    .unwrap();
                self.sent += 1;
            }
        }
    }

    fn listen(&mut self) {
        let mut packet = [0; 400];
        for socket in self.sides.iter().flatten() {
            while let Ok(length) = socket.recv(&mut packet) {
                assert_eq!(length, 172);
                let sent_us = u64::from_be_bytes(packet[12..20].try_into().unwrap());
                let delay_us = self.begun.elapsed().as_micros() as u64 - sent_us;
                self.delays_us.push(delay_us.try_into().unwrap_or(u32::MAX));
            }
        }
    }

    /// Speaks and listens for so many packets of each call.
    fn run(&mut self, packets: u64, first: u16) {
        let begun = Instant::now();
        for tick in 0..packets * self.phases {
            self.speak(
                tick % self.phases,
                first.wrapping_add((tick / self.phases) as u16),
            );
            self.listen();
            let due = PACKET_EVERY * u32::try_from(tick + 1).unwrap() / self.phases as u32;
            while begun.elapsed() < due {
                std::thread::sleep(
                    (due - begun.elapsed().min(due)).min(Duration::from_micros(250)),
                );
                self.listen();
            }
        }
        std::thread::sleep(Duration::from_millis(20));
        self.listen();
    }

    fn report(&mut self, relay: Duration, own: Duration, seconds: f64) {
        self.delays_us.sort_unstable();
        let percentile = |part: usize| {
            self.delays_us
                .get(self.delays_us.len() * part / 100)
                .copied()
                .unwrap_or(0)
        };
        let heard = self.delays_us.len() as u64;
        println!(
            "calls={} packets={} lost={} cpu_us_per_packet={:.2} relay_cores={:.3} generator_cores={:.2} delay_p50_us={} delay_p99_us={}",
            self.ports.len(),
            self.sent,
            self.sent - heard,
            relay.as_secs_f64() * 1e6 / heard as f64,
            relay.as_secs_f64() / seconds,
            own.as_secs_f64() / seconds,
            percentile(50),
            percentile(99),
        );
    }
}

fn phone() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
    socket
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn main() {
    let (calls, seconds, threads) = (
        argument(1, 100),
        argument(2, 5).min(10),
        argument(3, 1) as usize,
    );
    raise_descriptor_limit().unwrap();
    let (sender, reports) = channel();
    let config = RelayConfig {
        first_port: 20_000,
        last_port: 59_999,
        threads,
        inactive_after_s: 30,
        progress_every_s: 5,
        recordings: None,
        sounds: None,
    };
    let relay = Relay::start(config, move |report| drop(sender.send(report))).unwrap();
    let mut generator = Generator::new(argument(4, 20).clamp(1, 200));
    let before_kib = memory_kib();
    for id in 0..calls {
        let local = Ipv4Addr::LOCALHOST.into();
        relay.send(RelayCommand::Open {
            id: RelayId(id),
            a_local: local,
            b_local: local,
        });
        let RelayReport::Opened { a_port, b_port, .. } = reports.recv().unwrap() else {
            panic!("no ports")
        };
        for (side, sockets) in [Side::A, Side::B].into_iter().zip(&generator.sides) {
            let rtp = sockets[id as usize % SOCKETS].local_addr().unwrap();
            let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
            relay.send(RelayCommand::SetTarget {
                id: RelayId(id),
                side,
                rtp,
                rtcp,
                latch: Latch::FirstPacket,
                signalling: rtp.ip(),
            });
        }
        generator.ports.push([a_port, b_port]);
    }
    println!(
        "resident_kib_per_call={:.2}",
        (memory_kib() - before_kib) as f64 / calls as f64
    );
    generator.run(25, 0);
    (generator.sent, generator.delays_us) = (0, Vec::new());
    let (whole, own, begun) = (
        cpu(ClockId::ProcessCPUTime),
        cpu(ClockId::ThreadCPUTime),
        Instant::now(),
    );
    generator.run(seconds * 50, 25);
    let own = cpu(ClockId::ThreadCPUTime) - own;
    let relay_cpu = cpu(ClockId::ProcessCPUTime) - whole - own;
    generator.report(relay_cpu, own, begun.elapsed().as_secs_f64());
}
