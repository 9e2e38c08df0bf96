//! Players that ask again as soon as they were answered, over connections that stay open. One thread, so that the server
//! has a core of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Contestant, Payload};

/// Before anything is measured.
const WARM_UP: Duration = Duration::from_millis(200);
const BUFFER: usize = 256 * 1_024;

/// What one turn showed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Turn {
    pub(crate) requests: f64,
    pub(crate) requests_per_second: f64,
    pub(crate) megabytes_per_second: f64,
    /// Of the server, for one request.
    pub(crate) cpu_micros: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// What one connection saw.
struct Seen {
    /// Seconds of each answer.
    times: Vec<f64>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a turn has far fewer than 2^52 requests"
)]
pub(crate) async fn run(
    contestant: &Contestant,
    payload: &Payload,
    connections: usize,
    length: Duration,
) -> anyhow::Result<Turn> {
    let until = Instant::now() + WARM_UP;
    ask_over_all(contestant, payload, connections, until).await?;
    let began = Instant::now();
    let seen = ask_over_all(contestant, payload, connections, began + length).await?;
    let wall = began.elapsed().as_secs_f64();
    let mut times: Vec<f64> = seen.into_iter().flat_map(|seen| seen.times).collect();
    times.sort_by(f64::total_cmp);
    let requests = times.len() as f64;
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default() * 1e3;
    Ok(Turn {
        requests,
        requests_per_second: requests / wall,
        megabytes_per_second: requests * payload.length as f64 / 1e6 / wall,
        cpu_micros: 0.0,
        p50_ms: at(50),
        p99_ms: at(99),
    })
}

async fn ask_over_all(
    contestant: &Contestant,
    payload: &Payload,
    connections: usize,
    until: Instant,
) -> anyhow::Result<Vec<Seen>> {
    let asking = (0..connections).map(|_| ask(contestant, payload, until));
    futures_util::future::try_join_all(asking).await
}

async fn ask(contestant: &Contestant, payload: &Payload, until: Instant) -> anyhow::Result<Seen> {
    let Contestant { address, before, .. } = contestant;
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let question = format!("GET {before}{} HTTP/1.1\r\nHost: {address}\r\n\r\n", payload.path);
    let mut buffer = vec![0; BUFFER];
    let mut times = vec![];
    while Instant::now() < until {
        let began = Instant::now();
        stream.write_all(question.as_bytes()).await?;
        answer(&mut stream, &mut buffer, payload.length).await?;
        times.push(began.elapsed().as_secs_f64());
    }
    Ok(Seen { times })
}

/// Reads an answer, which must be whole and of the length that was promised.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8], length: usize) -> anyhow::Result<()> {
    let mut filled = 0;
    let head = loop {
        let rest = buffer.get_mut(filled..).context("the head is too long")?;
        let read = stream.read(rest).await?;
        ensure!(read > 0, "the server closed the connection");
        filled += read;
        let seen = buffer.get(..filled).unwrap_or_default();
        if let Some(end) = memchr::memmem::find(seen, b"\r\n\r\n") {
            break end + 4;
        }
    };
    let said = String::from_utf8_lossy(buffer.get(..head).unwrap_or_default()).to_lowercase();
    ensure!(said.starts_with("http/1.1 200"), "{said}");
    ensure!(said.contains(&format!("content-length: {length}\r\n")), "{said}");
    let mut left = (head + length)
        .checked_sub(filled)
        .context("more than was promised")?;
    while left > 0 {
        let read = stream.read(buffer).await?;
        ensure!(read > 0, "the answer broke off");
        left = left.checked_sub(read).context("more than was promised")?;
    }
    Ok(())
}
