//! Servers that take 50 ms to answer, for the guest `backend`. They end with this process.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::sh::Result;

/// How far away a server is.
pub(super) const DISTANCE: Duration = Duration::from_millis(50);

/// Starts one, and says at which port of the loopback address.
pub(super) fn start() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One at a time, as there is one: a server far away would not start threads on the processors that are
            // timed. Whoever is gone before the answer is no reason to end.
            let _ = serve(&stream);
        }
    });
    Ok(port)
}

/// Answers each request (HTTP/1.1) with a value for each line of its body, until there are no more.
fn serve(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(body) = body(&mut reader)? {
        thread::sleep(DISTANCE);
        let names = String::from_utf8_lossy(&body);
        let values: Vec<String> = names.lines().map(|name| format!("value of {name}")).collect();
        let values = values.join("\n");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{values}", values.len());
        let mut writer = stream;
        writer.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The body of the next request, if there is one.
fn body(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let (mut length, mut chunked) = (0, false);
    // The first line says nothing that matters here.
    if line(reader)?.is_empty() {
        return Ok(None);
    }
    loop {
        let header = line(reader)?.to_ascii_lowercase();
        match header.split_once(':') {
            Some(("content-length", value)) => length = number(value, 10)?,
            Some(("transfer-encoding", _)) => chunked = true,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = Vec::new();
    if !chunked {
        reader.take(length).read_to_end(&mut body)?;
        return Ok(Some(body));
    }
    loop {
        let size = number(&line(reader)?, 16)?;
        reader.take(size).read_to_end(&mut body)?;
        line(reader)?;
        if size == 0 {
            return Ok(Some(body));
        }
    }
}

/// A line, without its end; nothing where the stream ends.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn number(text: &str, base: u32) -> io::Result<u64> {
    u64::from_str_radix(text.trim(), base).map_err(io::Error::other)
}
