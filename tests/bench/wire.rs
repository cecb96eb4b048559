//! Just enough HTTP/1.1 over a kept connection, for both sides: a client that costs little leaves the machine to the
//! server.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;

/// A connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    used: usize,
}

/// One message; borrowed from the connection until the next one is read.
pub struct Message<'a> {
    /// Request line or status line and headers.
    pub head: &'a str,
    /// Body.
    pub body: &'a [u8],
}

impl Message<'_> {
    /// The second word of the first line: a request's path, an answer's status.
    pub fn second_word(&self) -> &str {
        self.head.split_whitespace().nth(1).unwrap_or_default()
    }
}

impl Wire {
    /// Opens a connection.
    pub async fn connect(address: &str) -> Outcome<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    /// Takes one over.
    pub fn new(stream: TcpStream) -> Outcome<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024), used: 0 })
    }

    /// Writes bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads the next message; none when the other side has hung up.
    pub async fn read(&mut self) -> Outcome<Option<Message<'_>>> {
        self.buffer.drain(..self.used);
        self.used = 0;
        loop {
            if let Some((head, length)) = whole(&self.buffer) {
                self.used = head + length;
                let (text, rest) = self.buffer.split_at(head);
                let head = std::str::from_utf8(text)?;
                return Ok(Some(Message { head, body: rest.get(..length).unwrap_or_default() }));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Lengths of head and body, once both are there.
fn whole(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(buffer.get(..head)?).ok()?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    (buffer.len() >= head + length).then_some((head, length))
}
