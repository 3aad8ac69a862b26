//! A connection's bytes, with bounds: while the peer does not take what we send, we take nothing from it, so that
//! answers cannot pile up in memory; a peer that takes nothing for a minute is cut off; and a [`Gate`] ends a
//! connection from outside.

use futures_util::task::AtomicWaker;
use std::{
    io::{Error, ErrorKind, Result},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

/// A peer that takes nothing for so long is gone or means ill.
const STALLED: Duration = Duration::from_secs(60);

/// Ends a connection from outside.
#[derive(Debug, Default)]
pub struct Gate {
    closed: AtomicBool,
    reading: AtomicWaker,
    writing: AtomicWaker,
}

impl Gate {
    /// Both directions end now.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.reading.wake();
        self.writing.wake();
    }
    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// What a connection occupies; given back when it is dropped.
pub struct Place {
    _all: OwnedSemaphorePermit,
    _address: super::server::AddressPlace,
}

impl Place {
    /// One of all connections, and one of its address.
    pub fn new(all: OwnedSemaphorePermit, address: super::server::AddressPlace) -> Self {
        Self {
            _all: all,
            _address: address,
        }
    }
}

/// See the module.
pub struct Line<S> {
    stream: S,
    gate: Arc<Gate>,
    stalled: Option<Pin<Box<Sleep>>>,
    reader: Option<Waker>,
    _place: Option<Place>,
}

impl<S> Line<S> {
    /// Bounds a stream.
    pub fn new(stream: S, gate: Arc<Gate>, place: Option<Place>) -> Self {
        Self {
            stream,
            gate,
            stalled: None,
            reader: None,
            _place: place,
        }
    }

    /// Notes whether the peer takes what we send.
    fn track<T>(&mut self, context: &mut Context<'_>, wrote: Poll<Result<T>>) -> Poll<Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
            return wrote;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALLED)));
        if stalled.as_mut().poll(context).is_ready() {
            self.gate.close();
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        self.gate.reading.register(context.waker());
        if self.gate.is_closed() {
            return Poll::Ready(Ok(()));
        }
        if self.stalled.is_some() {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.gate.writing.register(context.waker());
        if self.gate.is_closed() {
            return Poll::Ready(Err(Error::from(ErrorKind::BrokenPipe)));
        }
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.track(context, wrote)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.gate.writing.register(context.waker());
        if self.gate.is_closed() {
            return Poll::Ready(Err(Error::from(ErrorKind::BrokenPipe)));
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.track(context, flushed)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.gate.writing.register(context.waker());
        if self.gate.is_closed() {
            return Poll::Ready(Err(Error::from(ErrorKind::BrokenPipe)));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Line, STALLED};
    use futures_util::FutureExt;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};

    #[tokio::test]
    async fn nothing_is_read_while_the_peer_does_not_take_what_we_send() {
        let (ours, mut peer) = duplex(4);
        let (mut read, mut write) = split(Line::new(ours, Arc::default(), None));
        peer.write_all(b"ask").await.expect("room");
        let mut sending = Box::pin(write.write_all(b"12345678"));
        assert!(
            sending.as_mut().now_or_never().is_none(),
            "the pipe is full"
        );
        let mut asked = [0; 3];
        assert!(
            read.read_exact(&mut asked).now_or_never().is_none(),
            "so nothing is read"
        );
        let mut answer = [0; 8];
        let (sent, received, read) = tokio::join!(
            sending,
            peer.read_exact(&mut answer),
            read.read_exact(&mut asked)
        );
        assert!(sent.is_ok() && received.is_ok() && read.is_ok());
        assert_eq!(&asked, b"ask");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_cut_off() {
        let (ours, _peer) = duplex(4);
        let mut line = Line::new(ours, Arc::default(), None);
        let begun = tokio::time::Instant::now();
        assert!(line.write_all(b"12345678").await.is_err());
        assert!(begun.elapsed() >= STALLED);
        assert_eq!(
            line.read(&mut [0; 1]).await.ok(),
            Some(0),
            "and is read from no more"
        );
    }

    #[tokio::test]
    async fn a_gate_ends_both_directions() {
        let (ours, _peer) = duplex(4);
        let gate = Arc::new(Gate::default());
        let mut line = Line::new(ours, Arc::clone(&gate), None);
        let mut byte = [0; 1];
        let mut reading = Box::pin(line.read(&mut byte));
        assert!(reading.as_mut().now_or_never().is_none());
        gate.close();
        assert_eq!(reading.await.ok(), Some(0));
        assert!(line.write_all(b"1").await.is_err());
    }
}
