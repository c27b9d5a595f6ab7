// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages over a connection: a header, and text that the callers have as a tree of libxml2.
#![allow(clippy::disallowed_methods, reason = "these entry points wait themselves, as a driver does")]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::carrier::{Carrier, Read, poll};
use crate::capi::abi::remote::Remote;
use crate::capi::client::xml;
use crate::capi::entry::entry;
use crate::sys::cmem;
use crate::sys::xmlnode::Node;
use crate::wire::frame::{Frame, FrameDecoder, FrameError, Partial, encode_header, message_length};

/// Of one reading: the caller's loop has others to serve. What the socket still has makes it ready again.
const TURN: Duration = Duration::from_millis(2);

/// Room in a buffer for what comes next; an ordinary message fits whole.
const ROOM: usize = 16 * 1024;

entry! {
    /// Sends a message. Header and text are TLS records of their own. Waits until the peer has taken it, at most a minute
    /// for each record.
    ///
    /// Returns 0, EINVAL for NULL, EMSGSIZE for a message over 20 MiB, ESOCKTNOSUPPORT for a connection without socket,
    /// ECONNABORTED or an errno when it is lost.
    ///
    /// # Safety
    /// `remote` is NULL or a connection of this library's release; `message` is NULL or a node of libxml2, which is
    /// only read.
    pub unsafe fn pcmk__remote_send_xml(
        remote: *mut Remote,
        message: *mut c_void,
    ) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        let Some(message) = (unsafe { Node::from_raw(message) }).filter(|_| !remote.is_null()) else {
            return libc::EINVAL;
        };
        // SAFETY: the caller's promise, and not NULL.
        let result = unsafe { Carrier::of(remote) }.and_then(|carrier| send(carrier, &xml::text_of(message)));
        if let Err(code) = result {
            log::error!("Could not send a remote message (error {code})");
        }
        result.err().unwrap_or(0)
    }
}

fn send(carrier: Carrier, text: &str) -> Result<(), c_int> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
    let header = encode_header(number, text.len()).map_err(|_| libc::EMSGSIZE)?;
    carrier.send(&header)?;
    let mut payload = Vec::with_capacity(text.len() + 1);
    payload.extend_from_slice(text.as_bytes());
    payload.push(0);
    carrier.send(&payload)
}

entry! {
    /// Takes the first complete message out of the connection's buffer, as a tree that the caller frees; NULL if there
    /// is none. What was received behind it stays.
    ///
    /// A message that cannot be read is lost, and with it all that was received, as nothing tells where the next
    /// begins.
    ///
    /// # Safety
    /// `remote` is NULL or a connection of this library's release, with a buffer that its functions have filled.
    pub unsafe fn pcmk__remote_message_xml(remote: *mut Remote) -> *mut c_void, failed = ptr::null_mut(); {
        // SAFETY: the caller's promise.
        let Some(remote) = (unsafe { remote.as_mut() }) else { return ptr::null_mut() };
        // SAFETY: the caller's promise about the buffer.
        let message = unsafe { take(remote) };
        match message {
            Ok(None) => ptr::null_mut(),
            Ok(Some(text)) => match xml::document_of(&text) {
                Ok(document) => document.into_raw(),
                Err(error) => {
                    log::error!("Could not read a remote message: {error}");
                    ptr::null_mut()
                }
            },
            Err(error) => {
                log::error!("{error}");
                remote.buffer_offset = 0;
                ptr::null_mut()
            }
        }
    }
}

/// The buffer's content.
///
/// # Safety
/// `remote` has a buffer that is filled up to its offset, or none and an offset of 0.
unsafe fn received(remote: &Remote) -> &[u8] {
    if remote.buffer.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(remote.buffer.cast(), remote.buffer_offset) }
}

/// Takes the first message.
///
/// # Safety
/// As for [`received`].
unsafe fn take(remote: &mut Remote) -> Result<Option<String>, FrameError> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { received(remote) };
    let Some(Partial { have, need }) = awaited(bytes)? else { return Ok(None) };
    if have < need {
        return Ok(None);
    }
    let mut decoder = FrameDecoder::new();
    decoder.push(bytes.get(..need).unwrap_or_default());
    let frame = decoder.next()?;
    let rest = have - need;
    // SAFETY: both places lie in the buffer: `need` bytes and then `rest` bytes are filled, and one more is there.
    unsafe {
        let start = remote.buffer;
        ptr::copy(start.add(need), start, rest);
        start.add(rest).write(0);
    }
    remote.buffer_offset = rest;
    Ok(frame.map(Frame::into_text))
}

/// How far the first message has come; None: nothing of it is here.
fn awaited(bytes: &[u8]) -> Result<Option<Partial>, FrameError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(Partial { have: bytes.len(), need: message_length(bytes)? }))
}

/// Is there a whole message?
///
/// # Safety
/// As for [`received`].
unsafe fn is_complete(remote: &Remote) -> bool {
    // SAFETY: the caller's promise.
    let awaited = awaited(unsafe { received(remote) });
    awaited.is_ok_and(|partial| partial.is_some_and(|partial| partial.have >= partial.need))
}

entry! {
    /// Reads what has arrived into the connection's buffer, for about 2 ms. Never blocks on a socket that does not.
    ///
    /// Returns 0 when there is a complete message, EAGAIN when more must come, ENOTCONN at the end of the connection,
    /// ESOCKTNOSUPPORT for one without socket, EBADMSG when the peer sends no messages or one over 20 MiB (upstream's
    /// functions would allocate what the peer asks for).
    ///
    /// # Safety
    /// `remote` is a connection of this library's release, not NULL, whose buffer is NULL or from `malloc`.
    pub unsafe fn pcmk__read_available_remote_data(remote: *mut Remote) -> c_int, failed = libc::EIO; {
        if remote.is_null() {
            return libc::EINVAL;
        }
        // SAFETY: the caller's promise, and not NULL.
        unsafe { read_available(remote) }.err().unwrap_or(0)
    }
}

/// # Safety
/// As for `pcmk__read_available_remote_data`.
unsafe fn read_available(remote: *mut Remote) -> Result<(), c_int> {
    // SAFETY: the caller's promise. The beginning of a connection is ours alone during the call.
    let (carrier, remote) = unsafe { (Carrier::of(remote)?, &mut *remote) };
    let begun = Instant::now();
    loop {
        // SAFETY: the caller's promise.
        let waiting = awaited(unsafe { received(remote) }).map_err(|error| {
            log::error!("{error}");
            libc::EBADMSG
        })?;
        let missing = match waiting {
            Some(Partial { have, need }) if have >= need => return Ok(()),
            Some(Partial { have, need }) => need - have,
            None => 0,
        };
        // SAFETY: the caller's promise.
        unsafe { make_room(remote, missing.max(ROOM)) };
        let room = remote.buffer_size - remote.buffer_offset;
        // SAFETY: as much room was just made behind what is there.
        let read = unsafe {
            let place = remote.buffer.add(remote.buffer_offset);
            carrier.read(place.cast(), room)
        };
        match read {
            Read::Bytes(count) => {
                remote.buffer_offset += count;
                // SAFETY: the byte behind the buffer's size is there for this.
                unsafe { remote.buffer.add(remote.buffer_offset).write(0) };
            }
            Read::Nothing => return Err(libc::EAGAIN),
            Read::End => return Err(libc::ENOTCONN),
        }
        // What is decrypted is taken in any case: the socket does not tell of it.
        // SAFETY: the caller's promise.
        if begun.elapsed() >= TURN && carrier.pending() == 0 && !unsafe { is_complete(remote) } {
            return Err(libc::EAGAIN);
        }
    }
}

/// # Safety
/// The buffer is NULL or from `malloc`, and as long as it says.
unsafe fn make_room(remote: &mut Remote, room: usize) {
    let needed = remote.buffer_offset + room;
    if remote.buffer_size >= needed && !remote.buffer.is_null() {
        return;
    }
    // SAFETY: the caller's promise; the old pointer is not used again.
    remote.buffer = unsafe { cmem::resize(remote.buffer, needed + 1) };
    remote.buffer_size = needed;
}

entry! {
    /// Waits for something to read: `timeout_ms` at most, for ever if it is negative.
    ///
    /// Returns 0 when there is something, ETIME when there is not, ENOTCONN for a connection without socket, or an
    /// errno.
    ///
    /// # Safety
    /// `remote` is NULL or a connection of this library's release.
    pub unsafe fn pcmk__remote_ready(remote: *const Remote, timeout_ms: c_int) -> c_int, failed = libc::EIO; {
        if remote.is_null() {
            return libc::ENOTCONN;
        }
        let deadline =
            u64::try_from(timeout_ms).ok().map(|time| Instant::now() + Duration::from_millis(time));
        // SAFETY: the caller's promise, and not NULL.
        unsafe { await_data(remote, deadline) }.err().unwrap_or(0)
    }
}

/// # Safety
/// `remote` is a living connection of this process's layout.
unsafe fn await_data(remote: *const Remote, deadline: Option<Instant>) -> Result<(), c_int> {
    // SAFETY: the caller's promise.
    let carrier = unsafe { Carrier::of(remote) }.map_err(|_| libc::ENOTCONN)?;
    // The socket says nothing of what is decrypted already.
    if carrier.pending() > 0 {
        return Ok(());
    }
    let socket = carrier.socket();
    if socket <= 0 {
        return Err(libc::ENOTCONN);
    }
    loop {
        const LONG: Duration = Duration::from_secs(3600);
        let left = deadline.map_or(LONG, |deadline| deadline.saturating_duration_since(Instant::now()));
        if poll(socket, libc::POLLIN, left)? {
            return Ok(());
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(libc::ETIME);
        }
    }
}

entry! {
    /// Reads until there is a complete message: `timeout_ms` at most, 10 s if it is 0 and 60 s if it is negative.
    ///
    /// Returns 0, ETIME, or what `pcmk__read_available_remote_data()` returns when the connection is lost.
    ///
    /// # Safety
    /// As for `pcmk__read_available_remote_data()`.
    pub unsafe fn pcmk__read_remote_message(
        remote: *mut Remote,
        timeout_ms: c_int,
    ) -> c_int, failed = libc::EIO; {
        if remote.is_null() {
            return libc::EINVAL;
        }
        let time = match timeout_ms {
            0 => 10_000,
            time => u64::try_from(time).unwrap_or(60_000),
        };
        let deadline = Instant::now() + Duration::from_millis(time);
        // SAFETY: the caller's promise about the buffer.
        if unsafe { is_complete(&*remote) } {
            return 0;
        }
        loop {
            // SAFETY: the caller's promise, and not NULL.
            if let Err(code) = unsafe { await_data(remote, Some(deadline)) } {
                return code;
            }
            // SAFETY: the caller's promise about the buffer.
            match unsafe { read_available(remote) } {
                Ok(()) => return 0,
                // Also of a peer that always has a little more to say.
                Err(libc::EAGAIN) if Instant::now() >= deadline => return libc::ETIME,
                Err(libc::EAGAIN) => {}
                Err(code) => return code,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::abi;
    use crate::sys::xmlnode::Document;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    /// A connection without anything, to be freed.
    fn new_remote() -> *mut Remote {
        cmem::zeroed(abi::layout().remote.size).cast()
    }

    /// A connection over a plain socket, and the peer's end of it.
    struct Link {
        remote: *mut Remote,
        peer: UnixStream,
        _ours: UnixStream,
    }

    impl Link {
        fn new() -> Self {
            let (ours, peer) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let remote = new_remote();
            // SAFETY: just made.
            unsafe { (*remote).tcp_socket = ours.as_raw_fd() };
            Self { remote, peer, _ours: ours }
        }

        fn read(&mut self) -> c_int {
            // SAFETY: a connection of ours, whose buffer these functions have made.
            unsafe { pcmk__read_available_remote_data(self.remote) }
        }

        fn message(&mut self) -> Option<String> {
            // SAFETY: the same; the tree is freed with its document.
            unsafe {
                let raw = pcmk__remote_message_xml(self.remote);
                let text = Node::from_raw(raw).map(xml::text_of);
                drop(Document::from_raw(raw));
                text
            }
        }
    }

    impl Drop for Link {
        fn drop(&mut self) {
            // SAFETY: from `malloc`, and given back once.
            unsafe {
                cmem::free((*self.remote).buffer);
                cmem::free(self.remote);
            }
        }
    }

    fn message(text: &str) -> Vec<u8> {
        let mut bytes = encode_header(1, text.len()).unwrap().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn messages_that_arrive_together_are_taken_one_by_one() {
        let mut link = Link::new();
        let together = [message("<a/>"), message("<b c=\"1\"/>"), message("<d/>")].concat();
        let (first, rest) = together.split_at(together.len() - 1);
        link.peer.write_all(first).unwrap();
        assert_eq!(link.read(), 0);
        assert_eq!(link.message().as_deref(), Some("<a/>"));
        assert_eq!(link.message().as_deref(), Some("<b c=\"1\"/>"));
        assert_eq!(link.message(), None);
        assert_eq!(link.read(), libc::EAGAIN);
        link.peer.write_all(rest).unwrap();
        assert_eq!(link.read(), 0);
        assert_eq!(link.message().as_deref(), Some("<d/>"));
    }

    #[test]
    fn a_peer_gets_no_more_memory_than_a_message_may_have() {
        let mut link = Link::new();
        let mut header = encode_header(1, 4).unwrap();
        header[24..28].copy_from_slice(&(1_u32 << 30).to_ne_bytes());
        link.peer.write_all(&header).unwrap();
        assert_eq!(link.read(), libc::EBADMSG);
        // SAFETY: a connection of ours.
        assert!(unsafe { (*link.remote).buffer_size } < 100_000);
        assert_eq!(link.message(), None);
        let mut link = Link::new();
        link.peer.write_all(b"GET / HTTP/1.1").unwrap();
        assert_eq!(link.read(), libc::EBADMSG);
    }

    #[test]
    fn a_wait_ends_in_time_and_sees_what_was_received_before() {
        let mut link = Link::new();
        // SAFETY: connections of ours.
        unsafe {
            assert_eq!(pcmk__read_remote_message(link.remote, 20), libc::ETIME);
            link.peer.write_all(&[message("<a/>"), message("<b/>")].concat()).unwrap();
            assert_eq!(pcmk__read_remote_message(link.remote, 5000), 0);
            assert_eq!(link.message().as_deref(), Some("<a/>"));
            assert_eq!(pcmk__remote_ready(link.remote, 20), libc::ETIME);
            assert_eq!(pcmk__read_remote_message(link.remote, 5000), 0);
            assert_eq!(link.message().as_deref(), Some("<b/>"));
        }
    }

    #[test]
    fn a_wait_ends_in_time_although_a_little_more_comes_all_the_time() {
        let link = Link::new();
        let mut peer = link.peer.try_clone().unwrap();
        let dripping = std::thread::spawn(move || {
            let _ = peer.write_all(&encode_header(1, 10 << 20).unwrap());
            while peer.write_all(b"x").is_ok() {}
        });
        // SAFETY: a connection of ours.
        unsafe { assert_eq!(pcmk__read_remote_message(link.remote, 50), libc::ETIME) };
        link.peer.shutdown(std::net::Shutdown::Both).unwrap();
        dripping.join().unwrap();
    }

    #[test]
    fn without_a_connection_nothing_happens() {
        // SAFETY: NULL is allowed, and so is a connection without socket.
        unsafe {
            let nothing = new_remote();
            assert_eq!(pcmk__remote_send_xml(ptr::null_mut(), ptr::null_mut()), libc::EINVAL);
            for none in [0, -1] {
                (*nothing).tcp_socket = none;
                assert!(pcmk__remote_message_xml(nothing).is_null());
                assert_eq!(pcmk__read_available_remote_data(nothing), libc::ESOCKTNOSUPPORT);
                assert_eq!(pcmk__remote_ready(nothing, 10), libc::ENOTCONN);
            }
            cmem::free(nothing);
        }
    }
}
