//! An origin for the demo: one file over HTTP, on this machine alone. It answers one request after the other, each with all of
//! it; ranges and conditions it does not know, which origins may.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Whoever says or takes nothing for so long is hung up on: the next one waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves `file` until the process ends, and returns where.
pub(super) fn serve(file: &Path) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (address, file) = (listener.local_addr()?, file.to_owned());
    let work = move || listener.incoming().flatten().for_each(|stream| answered(&stream, &file));
    thread::Builder::new().name("origin".to_owned()).spawn(work)?;
    Ok(address)
}

fn answered(stream: &TcpStream, file: &PathBuf) {
    // Whoever asked has gone, or asks again: both are its own matter.
    if let Err(error) = answer(stream, file) {
        tracing::debug!(%error, "an answer of the demo's origin broke off");
    }
}

fn answer(mut stream: &TcpStream, file: &PathBuf) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    for line in BufReader::new(stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: video/x-flv\r\ncontent-length: {length}\r\n\
         etag: \"lesson-{length}\"\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    io::copy(&mut file, &mut stream).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn whoever_asks_gets_the_whole_file_and_the_next_one_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lesson.flv");
        std::fs::write(&file, "slides").unwrap();
        let address = serve(&file).unwrap();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /lesson.flv HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\nslides"), "{said}");
        }
    }
}
