// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a connection has found out, in order: the same for both carriers.
use super::{CallProblem, Problem};
use crate::core::{ClientError, ClientOutput, RequestId};
use crate::model::{Notification, ProtocolVersion, Registered, Reply, ReplyBody, RequestRefused};
use crate::session::{ClientEvent, SessionError};
use crate::sys::tls::TlsError;
use nix::errno::Errno;
use std::collections::VecDeque;

/// Of messages that cannot be read, so many are logged one by one.
const ALL_LOGGED: u64 = 10;

/// What a carrier reports to the layer that waits.
#[derive(Debug)]
pub(super) enum Report {
    SignedOn(Registered),
    Notification(Notification),
    Answered(RequestId, Reply),
    Unanswered(RequestId, ClientError),
    NotSent(NotSent),
    Ended(Problem),
}

/// Why a request was not sent.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "local"), allow(dead_code, reason = "libqb's refusal"))]
pub(super) enum NotSent {
    /// It fits in no message, in these words.
    TooLarge(String),
    /// libqb did not take it.
    Errno(Errno),
}

impl From<NotSent> for CallProblem {
    fn from(not_sent: NotSent) -> Self {
        match not_sent {
            NotSent::TooLarge(reason) => Self::TooLarge(reason),
            NotSent::Errno(errno) => Self::NotSent(errno),
        }
    }
}

/// The connection cannot go on without it.
impl From<NotSent> for Problem {
    fn from(not_sent: NotSent) -> Self {
        match not_sent {
            NotSent::TooLarge(reason) => Self::Unsendable(reason),
            NotSent::Errno(errno) => Self::Broken(errno),
        }
    }
}

/// Reports that were not taken yet, and what was learnt on the way.
#[derive(Debug, Default)]
pub(super) struct Reports {
    queue: VecDeque<Report>,
    tls: Option<(&'static str, &'static str)>,
    signed_on: bool,
    refused: Option<RequestRefused>,
    ignored: u64,
}

impl Reports {
    /// Reports what a session tells. With a problem the carrier has to end the connection.
    pub(super) fn take(&mut self, event: ClientEvent) -> Option<Problem> {
        match event {
            ClientEvent::Core(output) => return self.take_output(output),
            ClientEvent::Handshaken { version, cipher } => self.tls = Some((version, cipher)),
            ClientEvent::Undecodable(reason) => self.ignore(&reason),
            ClientEvent::Unsendable(reason) => self.push(Report::NotSent(NotSent::TooLarge(reason))),
            // At TLS 1.3 a server can refuse our certificate only when our side of the handshake is over.
            ClientEvent::Failed(error @ SessionError::Tls(TlsError::CertificateRefusedByPeer(_)))
                if !self.signed_on =>
            {
                return Some(Problem::Handshake(error));
            }
            ClientEvent::Failed(error) if self.tls.is_some() => return Some(Problem::Garbled(error)),
            ClientEvent::Failed(error) => return Some(Problem::Handshake(error)),
        }
        None
    }

    /// A peer that sends nothing else must not fill the caller's log.
    fn ignore(&mut self, reason: &str) {
        self.ignored += 1;
        if self.ignored <= ALL_LOGGED {
            log::error!("Message ignored: {reason}");
        } else if self.ignored.is_power_of_two() {
            log::error!(
                "Messages ignored on this connection until now: {}; the last: {reason}",
                self.ignored
            );
        }
    }

    fn take_output(&mut self, output: ClientOutput) -> Option<Problem> {
        match output {
            ClientOutput::Ready { reply, version, .. } => self.signed_on(reply, version),
            ClientOutput::Answered(id, reply) => self.push(Report::Answered(id, reply)),
            ClientOutput::Unanswered(id, error) => self.push(Report::Unanswered(id, error)),
            ClientOutput::LateReply(id, reply) => {
                log::debug!("Reply to request {}, which is not waited for: {}", id.0, reply.rc);
            }
            ClientOutput::Notification(notification) => self.push(Report::Notification(notification)),
            ClientOutput::Disconnected(error) => {
                return Some(match error {
                    ClientError::TimedOut if self.signed_on => Problem::LateAnswer,
                    ClientError::Flooded if self.signed_on => Problem::Flooded,
                    _ if self.signed_on => Problem::Lost,
                    error => Problem::SignOn(error),
                });
            }
        }
        None
    }

    fn signed_on(&mut self, reply: Reply, version: ProtocolVersion) {
        self.refused = reply.result().err();
        if let Some(refused) = self.refused {
            log::warn!("The executor accepted us with error {}", refused.code);
        }
        if let ReplyBody::Registered(mut registered) = reply.body {
            registered.version = Some(version);
            self.signed_on = true;
            self.push(Report::SignedOn(registered));
        }
    }

    pub(super) fn push(&mut self, report: Report) {
        self.queue.push_back(report);
    }

    pub(super) fn pop(&mut self) -> Option<Report> {
        self.queue.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes out that a request was not sent.
    pub(super) fn take_not_sent(&mut self) -> Option<NotSent> {
        let at = self.queue.iter().position(|report| matches!(report, Report::NotSent(_)))?;
        match self.queue.remove(at) {
            Some(Report::NotSent(not_sent)) => Some(not_sent),
            _ => None,
        }
    }

    /// Has the executor taken the sign-on?
    #[cfg_attr(not(feature = "local"), allow(dead_code, reason = "TLS has its own problems before"))]
    pub(super) const fn is_signed_on(&self) -> bool {
        self.signed_on
    }

    /// Version and cipher suite of TLS, once it is established.
    pub(super) const fn tls(&self) -> Option<(&'static str, &'static str)> {
        self.tls
    }

    /// What the executor does not grant although it has taken the sign-on.
    pub(super) const fn refused(&self) -> Option<RequestRefused> {
        self.refused
    }
}
