// SPDX-License-Identifier: LGPL-2.1-or-later
//! Foreign TLS programs as peers, and our side over real sockets. Both sides say a line and hear one.
use pcmk_remote_rs::sys::tls::{
    ClientContext, Policy, Progress, Psk, Received, ServerContext, Stream, TlsError, TlsVersion,
};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const FROM_PEER: &str = "line of the peer\n";
const FROM_US: &str = "line of ours\n";

/// A key of this many bytes.
pub(crate) fn key(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + len) as u8).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a connection that worked was made of.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) version: TlsVersion,
}

/// A running program; killed when dropped.
pub(crate) struct Peer {
    child: Child,
    program: String,
    port: u16,
    _files: Option<tempfile::TempDir>,
}

impl Peer {
    fn start(command: &mut Command, port: u16, files: Option<tempfile::TempDir>) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let program = command.get_program().to_string_lossy().into_owned();
        Self { child, program, port, _files: files }
    }

    pub(crate) fn gnutls_cli(port: u16, key: &[u8], identity: &str, priorities: &str) -> Self {
        Self::gnutls_cli_that_wants(0, port, key, identity, priorities)
    }

    /// `bits`: the fewest of a Diffie-Hellman group that it accepts, if it does not know the group.
    pub(crate) fn gnutls_cli_that_wants(
        bits: u32,
        port: u16,
        key: &[u8],
        identity: &str,
        priorities: &str,
    ) -> Self {
        let mut command = Command::new("gnutls-cli");
        if bits > 0 {
            command.args(["--dh-bits", &bits.to_string()]);
        }
        command.args(["--pskusername", identity, "--pskkey", &hex(key), "--priority", priorities]);
        Self::start(command.args(["-p", &port.to_string(), "127.0.0.1"]), port, None)
    }

    pub(crate) fn gnutls_cli_without_key(port: u16) -> Self {
        let mut command = Command::new("gnutls-cli");
        Self::start(command.args(["--insecure", "-p", &port.to_string(), "127.0.0.1"]), port, None)
    }

    pub(crate) fn gnutls_serv(key: &[u8], priorities: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let passwords = files.path().join("psk");
        fs::write(&passwords, format!("lrmd:{}\n", hex(key))).unwrap();
        let port = free_port();
        let mut command = Command::new("gnutls-serv");
        command.args(["--echo", "--quiet", "-p", &port.to_string(), "--priority", priorities]);
        Self::start(command.arg("--pskpasswd").arg(&passwords), port, Some(files)).listening()
    }

    pub(crate) fn openssl_client(port: u16, key: &[u8], identity: &str, version: TlsVersion) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}")]);
        command.args(["-psk_identity", identity, "-psk", &hex(key)]).args(openssl_version(version));
        Self::start(&mut command, port, None)
    }

    pub(crate) fn openssl_server(key: &[u8], version: TlsVersion) -> Self {
        let port = free_port();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-nocert", "-rev", "-accept", &format!("127.0.0.1:{port}")]);
        command.args(["-psk_identity", "lrmd", "-psk", &hex(key)]).args(openssl_version(version));
        Self::start(&mut command, port, None).listening()
    }

    pub(crate) fn openssl_certificate_server(version: TlsVersion) -> Self {
        let files = tempfile::tempdir().unwrap();
        let (private, certificate) = (files.path().join("key.pem"), files.path().join("cert.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-subj", "/CN=localhost", "-days", "1", "-keyout"])
            .arg(&private)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let port = free_port();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-rev", "-accept", &format!("127.0.0.1:{port}")]);
        command.arg("-key").arg(&private).arg("-cert").arg(&certificate).args(openssl_version(version));
        Self::start(&mut command, port, Some(files)).listening()
    }

    /// Waits until it accepts connections.
    fn listening(self) -> Self {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the peer does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl_version(version: TlsVersion) -> &'static [&'static str] {
    match version {
        TlsVersion::Tls12 => &["-tls1_2", "-cipher", "kDHEPSK:kPSK:ALL"],
        TlsVersion::Tls13 => &["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A stream and its socket. The error is None when the peer just closed.
struct Connection {
    socket: TcpStream,
    stream: Stream,
}

impl Connection {
    fn new(socket: TcpStream, stream: Stream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, stream }
    }

    fn flush(&mut self) {
        // A peer that has gone already shows when we read.
        let _ = self.socket.write_all(self.stream.output());
        self.stream.sent(self.stream.output().len());
    }

    fn receive(&mut self) -> Result<(), Option<TlsError>> {
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(0) => Err(None),
            Ok(count) => {
                self.stream.feed(&buffer[..count]);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Err(None),
            Err(error) => panic!("no word from the peer: {error}"),
        }
    }

    fn handshake(&mut self) -> Result<(), Option<TlsError>> {
        loop {
            let progress = self.stream.handshake();
            self.flush();
            match progress {
                Ok(Progress::Done) => return Ok(()),
                Ok(Progress::Pending) => self.receive()?,
                Err(error) => return Err(Some(error)),
            }
        }
    }

    fn hear(&mut self, line: &str) -> Result<(), Option<TlsError>> {
        let mut heard = Vec::new();
        while heard.len() < line.len() {
            match self.stream.read(|bytes| heard.extend_from_slice(bytes)).map_err(Some)? {
                Received::Data(_) => {}
                Received::Pending => self.receive()?,
                Received::Closed => return Err(None),
            }
        }
        assert_eq!(String::from_utf8_lossy(&heard), line);
        Ok(())
    }

    fn say(&mut self, line: &str) {
        self.stream.write_record(line.as_bytes()).unwrap();
        self.flush();
    }

    fn seen(&self) -> Seen {
        Seen { version: self.stream.version() }
    }
}

/// Serves one client that `start` starts; it says a line and must print ours.
pub(crate) fn accept_from(
    key: &[u8],
    policy: Policy,
    start: impl FnOnce(u16) -> Peer,
) -> Result<Seen, Option<TlsError>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let context = ServerContext::new(&Psk::new(key.to_vec()).unwrap(), &policy).unwrap();
    let mut peer = start(listener.local_addr().unwrap().port());
    let (socket, _) = listener.accept().unwrap();
    let mut connection = Connection::new(socket, Stream::server(&context).unwrap());
    connection.handshake()?;
    if connection.stream.cipher().starts_with("DHE-") && peer.program == "gnutls-cli" {
        // The program (not the library) of GnuTLS 3.7 crashes when it describes a group that has no name there.
        return Ok(connection.seen());
    }
    peer.child.stdin.as_mut().unwrap().write_all(FROM_PEER.as_bytes()).unwrap();
    connection.hear(FROM_PEER)?;
    connection.say(FROM_US);
    connection.stream.shutdown();
    connection.flush();
    let mut printed = String::new();
    drop(peer.child.stdin.take());
    let mut output = peer.child.stdout.take().unwrap();
    while !printed.contains(FROM_US.trim()) {
        let mut buffer = [0; 1000];
        let count = output.read(&mut buffer).unwrap();
        assert!(count > 0, "the peer did not print our line: {printed}");
        printed.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    Ok(connection.seen())
}

/// Uses a server that says back what it hears, perhaps backwards.
pub(crate) fn connect_to(server: &Peer, key: &[u8], policy: Policy) -> Result<Seen, Option<TlsError>> {
    let context = ClientContext::new(&Psk::new(key.to_vec()).unwrap(), &policy).unwrap();
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    let mut connection = Connection::new(socket, Stream::client(&context).unwrap());
    connection.handshake()?;
    // The same forwards and backwards, but for the newline.
    connection.say("abba\n");
    connection.hear("abba\n")?;
    Ok(connection.seen())
}
