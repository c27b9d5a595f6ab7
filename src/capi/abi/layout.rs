// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where the objects of Pacemaker's daemons have what releases have moved, and how two functions of libcrmcommon take
//! their arguments. The library is built for 2.1 or for 3.0; which layout of these the process has is asked once, of the
//! names that its libcrmcommon exports.
//!
//! | | 2.1.5 | 2.1.7 | 2.1.8, 2.1.9 | 3.0.0 | 3.0.1 | 3.0.2 on |
//! |---|---|---|---|---|---|---|
//! | known by the name | | `pcmk__ipc_fd` | `pcmk__daemon_metadata` | | `pcmk__ipc_msg_append` | `pcmk__serve_execd_ipc` |
//! | client: size | 96 | 96 | 96 | 96 | 104 | 104 |
//! | client: buffer, ipcs, remote | - 72 80 | - 72 80 | - 72 80 | - 72 80 | 72 80 88 | 72 80 88 |
//! | connection: size, session | 56 48 | 72 64 | 72 64 | 72 64 | 72 64 | 72 64 |
//! | the session is | behind a pointer | behind a pointer | behind a pointer | there | there | there |
//! | fencer: operations | 24 | 24 | 24 | 16 | 16 | 16 |

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::remote::{Client, Remote};
use crate::model::ProtocolVersion;
use crate::sys::cmem;
use crate::sys::crmcommon::PacemakerLibrary;

/// A field of type `T` at a place that depends on the release, in an object of type `O`.
#[derive(Debug)]
pub struct Field<O, T> {
    offset: usize,
    types: PhantomData<fn(*mut O) -> *mut T>,
}

impl<O, T> Clone for Field<O, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O, T> Copy for Field<O, T> {}

impl<O, T: Copy> Field<O, T> {
    const fn at(offset: usize) -> Self {
        Self { offset, types: PhantomData }
    }

    /// Bytes from the beginning of the object.
    pub const fn offset(self) -> usize {
        self.offset
    }

    /// Where the field of `object` is.
    ///
    /// # Safety
    /// `object` is a whole object of the layout that this field belongs to.
    pub unsafe fn of(self, object: *mut O) -> *mut T {
        // SAFETY: the field lies in the object, by the layout that the caller promises.
        unsafe { object.byte_add(self.offset).cast() }
    }

    /// What the field holds.
    ///
    /// # Safety
    /// As for [`of`](Self::of), and the object is alive.
    pub unsafe fn get(self, object: *const O) -> T {
        // SAFETY: the caller's promise; fields are aligned as C aligns them.
        unsafe { self.of(object.cast_mut()).read() }
    }
}

/// `pcmk__client_t` behind the part that [`Client`] has.
#[derive(Clone, Copy, Debug)]
pub struct ClientLayout {
    /// Bytes of the whole.
    pub size: usize,
    /// A GByteArray with the parts of a local message that have come, owned, or NULL. Only where messages come in parts.
    pub buffer: Option<Field<Client, *mut c_void>>,
    /// Its `qb_ipcs_connection_t`, or NULL.
    pub ipcs: Field<Client, *mut c_void>,
    /// Its connection, owned, or NULL.
    pub remote: Field<Client, *mut Remote>,
}

/// `pcmk__remote_t` behind the part that [`Remote`] has.
#[derive(Clone, Copy, Debug)]
pub struct RemoteLayout {
    /// Bytes of the whole.
    pub size: usize,
    /// See [`Session`].
    pub session: Session,
    /// What `pcmk__free_client()` does with the session.
    pub at_the_end: SessionEnd,
}

/// Where a connection has its GnuTLS session, or NULL.
#[derive(Clone, Copy, Debug)]
pub enum Session {
    /// Behind one more pointer, which GnuTLS has allocated.
    Behind(Field<Remote, *mut *mut c_void>),
    /// In the field itself.
    There(Field<Remote, *mut c_void>),
}

/// What becomes of a session when its client is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// It is the caller's, and the field may point to what the caller has freed already.
    Callers,
    /// The place where it lies is freed, not the session.
    PlaceFreed,
    /// The session is freed.
    Freed,
}

/// Where `pcmk__client_data2xml()` finds the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalMessage {
    /// `(client, message, id, flags)`.
    Argument,
    /// `(client, id, flags)`: in the client's buffer, put together.
    ClientBuffer,
}

/// What the third argument of `pcmk__init_tls()` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsChoice {
    /// The kind of credentials: GnuTLS's number.
    Kind,
    /// Whether there is a shared key (a bool). Certificates come first if they are configured.
    HaveKey,
}

/// `stonith_t`: a connection to the fencer.
#[derive(Clone, Copy, Debug)]
pub struct StonithLayout {
    /// The table of operations.
    pub operations: Field<c_void, *mut c_void>,
}

/// All that depends on the release within the interface that this library was built for.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The first release that has it.
    pub since: &'static str,
    /// See there.
    pub client: ClientLayout,
    /// See there.
    pub remote: RemoteLayout,
    /// See there.
    pub stonith: StonithLayout,
    /// See there.
    pub local_message: LocalMessage,
    /// See there.
    pub tls_choice: TlsChoice,
    /// The version of the executor's protocol that its daemons announce.
    pub protocol_version: ProtocolVersion,
}

const CLIENT: ClientLayout =
    ClientLayout { size: 96, buffer: None, ipcs: Field::at(72), remote: Field::at(80) };
const CLIENT_OF_PARTS: ClientLayout =
    ClientLayout { size: 104, buffer: Some(Field::at(72)), ipcs: Field::at(80), remote: Field::at(88) };

/// 2.1.5 and 2.1.6.
pub const V2_1_5: Layout = Layout {
    since: "2.1.5",
    client: CLIENT,
    remote: RemoteLayout {
        size: 56,
        session: Session::Behind(Field::at(48)),
        at_the_end: SessionEnd::Callers,
    },
    stonith: StonithLayout { operations: Field::at(24) },
    local_message: LocalMessage::Argument,
    tls_choice: TlsChoice::Kind,
    protocol_version: ProtocolVersion { major: 1, minor: 1 },
};
/// 2.1.7.
pub const V2_1_7: Layout = Layout {
    since: "2.1.7",
    remote: RemoteLayout {
        size: 72,
        session: Session::Behind(Field::at(64)),
        at_the_end: SessionEnd::Callers,
    },
    ..V2_1_5
};
/// 2.1.8 and 2.1.9.
pub const V2_1_8: Layout = Layout {
    since: "2.1.8",
    remote: RemoteLayout { at_the_end: SessionEnd::PlaceFreed, ..V2_1_7.remote },
    protocol_version: ProtocolVersion::SCHEMAS,
    ..V2_1_7
};
/// 3.0.0.
pub const V3_0_0: Layout = Layout {
    since: "3.0.0",
    remote: RemoteLayout { size: 72, session: Session::There(Field::at(64)), at_the_end: SessionEnd::Freed },
    stonith: StonithLayout { operations: Field::at(16) },
    protocol_version: ProtocolVersion::SCHEMAS,
    ..V2_1_5
};
/// 3.0.1.
pub const V3_0_1: Layout =
    Layout { since: "3.0.1", client: CLIENT_OF_PARTS, local_message: LocalMessage::ClientBuffer, ..V3_0_0 };
/// 3.0.2 and later.
pub const V3_0_2: Layout = Layout { since: "3.0.2", tls_choice: TlsChoice::HaveKey, ..V3_0_1 };

/// The last of `layouts` whose name the process's `library` has; each stands with a name that came with it, none with
/// the first. Without the library in the process, or on this machine, it is the first.
pub(super) fn choose(
    library: PacemakerLibrary,
    first: &'static Layout,
    later: &[(&std::ffi::CStr, &'static Layout)],
) -> &'static Layout {
    let known = later.iter().rev().find(|(name, _)| library.has(name));
    let layout = known.map_or(first, |(_, layout)| layout);
    log::debug!("Objects of daemons are laid out as in Pacemaker {}", layout.since);
    layout
}

impl Layout {
    /// A client of this layout with nothing but its id, which becomes its own. C frees it.
    pub fn new_client(&self, id: *mut c_char) -> *mut Client {
        let client = cmem::zeroed(self.client.size).cast::<Client>();
        // SAFETY: zeroes are a valid client, and the size is at least that of its beginning.
        unsafe { (*client).id = id };
        client
    }

    /// The connection of a client, or NULL.
    ///
    /// # Safety
    /// `client` is a living client of this layout, or NULL.
    pub unsafe fn remote_of(&self, client: *const Client) -> *mut Remote {
        if client.is_null() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { self.client.remote.get(client) }
    }

    /// The GnuTLS session of a connection, if TLS is spoken.
    ///
    /// # Safety
    /// `remote` is NULL, or a living connection of this layout whose session, if it has one, is alive.
    pub unsafe fn session_of(&self, remote: *const Remote) -> Option<NonNull<c_void>> {
        if remote.is_null() {
            return None;
        }
        // SAFETY: the caller's promise; the place lives as long as the session.
        unsafe {
            match self.remote.session {
                Session::There(field) => NonNull::new(field.get(remote)),
                Session::Behind(field) => {
                    field.get(remote).as_ref().and_then(|session| NonNull::new(*session))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    const ALL: [&Layout; 6] = [&V2_1_5, &V2_1_7, &V2_1_8, &V3_0_0, &V3_0_1, &V3_0_2];

    #[test]
    fn fields_lie_behind_the_common_part_and_within_the_object() {
        for layout in ALL {
            let ClientLayout { size, buffer, ipcs, remote } = layout.client;
            let mut offsets = vec![ipcs.offset(), remote.offset()];
            offsets.extend(buffer.map(Field::offset));
            assert!(offsets.iter().all(|offset| (size_of::<Client>()..size).contains(offset)), "{layout:?}");
            let session = match layout.remote.session {
                Session::There(field) => field.offset(),
                Session::Behind(field) => field.offset(),
            };
            assert_eq!(session + size_of::<usize>(), layout.remote.size, "{layout:?}");
            assert!(session >= size_of::<Remote>(), "{layout:?}");
        }
    }

    #[test]
    fn a_session_is_found_where_the_release_has_it() {
        for layout in ALL {
            let client = layout.new_client(ptr::null_mut());
            let remote = cmem::zeroed(layout.remote.size).cast::<Remote>();
            let mut session: *mut c_void = ptr::without_provenance_mut(0x1234);
            // SAFETY: objects of this layout's size; each is freed once.
            unsafe {
                assert!(layout.remote_of(client).is_null());
                layout.client.remote.of(client).write(remote);
                assert_eq!(layout.remote_of(client), remote);
                assert_eq!(layout.session_of(remote), None);
                match layout.remote.session {
                    Session::There(field) => field.of(remote).write(session),
                    Session::Behind(field) => field.of(remote).write(&raw mut session),
                }
                assert_eq!(layout.session_of(remote), NonNull::new(session), "{layout:?}");
                cmem::free(remote);
                cmem::free(client);
            }
        }
    }

    #[test]
    fn the_installed_library_has_the_oldest_layout() {
        // tests/setup installs Debian 12's, which is 2.1.5.
        assert_eq!(super::super::v2_1::layout().since, "2.1.5");
        let nowhere = PacemakerLibrary::new(c"libpcmk-remote-rs-none.so.0");
        assert_eq!(choose(nowhere, &V3_0_0, &[(c"pcmk_remote_rs_no_such_name", &V3_0_1)]).since, "3.0.0");
        assert_eq!(choose(nowhere, &V3_0_0, &[(c"strlen", &V3_0_1), (c"no_such", &V3_0_2)]).since, "3.0.1");
    }
}
