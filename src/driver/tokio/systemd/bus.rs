// SPDX-License-Identifier: LGPL-2.1-or-later
//! The service manager, by way of the system bus. One connection serves all units.
use crate::agents;
use crate::driver::system_bus::{self, MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD, UNIT};
use std::env;
use std::future::poll_fn;
use std::pin::Pin;
use tokio::net::UnixStream;
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, spawn_local, yield_now};
use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type as Signature};
use zbus::{Connection, MatchRule, Message, MessageStream, connection};

const JOB: &str = "org.freedesktop.systemd1.Job";

/// Ends of jobs that a slow reader may have waiting; beyond that it asks for the job itself.
const JOBS_KEPT: usize = 1024;

/// Why a call gave nothing.
#[derive(Debug)]
pub(super) enum CallError {
    /// systemd or the bus is away, perhaps for a moment only.
    Interrupted(String),
    /// A refusal: name of the error and message.
    Refused { name: String, message: String },
}

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, message, _) => {
                let (name, message) = (name.to_string(), message.unwrap_or_default());
                if agents::is_interruption(&name, &message) {
                    return Self::Interrupted(format!("{message} ({name})"));
                }
                Self::Refused { name, message }
            }
            other => Self::Interrupted(other.to_string()),
        }
    }
}

/// A job has ended: its object and its result.
#[derive(Clone, Debug)]
pub(super) struct JobEnd {
    pub(super) job: OwnedObjectPath,
    pub(super) result: String,
}

/// A connection to the bus.
pub(super) struct Bus {
    connection: Connection,
    ends: broadcast::Sender<JobEnd>,
    listener: JoinHandle<()>,
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Bus {
    /// Connects, and asks systemd to tell of its jobs.
    pub(super) async fn connect() -> Result<Self, CallError> {
        let path = system_bus::socket(env::var_os(system_bus::VARIABLE).as_deref());
        // Not by an address: for that zbus starts a thread.
        let stream = UnixStream::connect(&path)
            .await
            .map_err(|error| CallError::Interrupted(format!("D-Bus at {}: {error}", path.display())))?;
        let connection = connection::Builder::unix_stream(stream).build().await?;
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(SYSTEMD)?
            .path(MANAGER_PATH)?
            .interface(MANAGER)?
            .member("JobRemoved")?
            .build();
        let stream = MessageStream::for_match_rule(rule, &connection, None).await?;
        let ends = broadcast::Sender::new(JOBS_KEPT);
        let listener = spawn_local(listen(stream, ends.clone()));
        let bus = Self { connection, ends, listener };
        bus.manage("Subscribe", &()).await?;
        Ok(bus)
    }

    /// Is it of no use any more?
    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Waits for the end of the connection.
    pub(super) async fn closed(&self) {
        self.connection.closed().await;
    }

    /// The ends of jobs from now on.
    pub(super) fn job_ends(&self) -> broadcast::Receiver<JobEnd> {
        self.ends.subscribe()
    }

    /// The unit's object; systemd has one for any name that is well-formed.
    pub(super) async fn load(&self, unit: &str) -> Result<OwnedObjectPath, CallError> {
        Ok(self.manage("LoadUnit", &(unit,)).await?.body().deserialize()?)
    }

    /// Has systemd read all unit files anew.
    pub(super) async fn reload_files(&self) -> Result<(), CallError> {
        self.manage("Reload", &()).await.map(drop)
    }

    /// Queues a job; its object.
    pub(super) async fn queue(&self, method: &str, unit: &str) -> Result<OwnedObjectPath, CallError> {
        Ok(self.manage(method, &(unit, "replace")).await?.body().deserialize()?)
    }

    /// A property of a unit that is a text.
    pub(super) async fn unit_text(&self, unit: &OwnedObjectPath, name: &str) -> Result<String, CallError> {
        Ok(String::try_from(self.property(unit, UNIT, name).await?).map_err(zbus::Error::from)?)
    }

    /// A property of a unit that is true or false.
    pub(super) async fn unit_flag(&self, unit: &OwnedObjectPath, name: &str) -> Result<bool, CallError> {
        Ok(bool::try_from(self.property(unit, UNIT, name).await?).map_err(zbus::Error::from)?)
    }

    /// Is this job still to be done?
    pub(super) async fn has_job(&self, job: &OwnedObjectPath) -> Result<bool, CallError> {
        match self.property(job, JOB, "State").await {
            Ok(_) => Ok(true),
            Err(CallError::Refused { name, .. }) if agents::is_unknown_object(&name) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn property(
        &self,
        object: &OwnedObjectPath,
        interface: &str,
        name: &str,
    ) -> Result<OwnedValue, CallError> {
        let body = (interface, name);
        let reply =
            self.connection.call_method(Some(SYSTEMD), object, Some(PROPERTIES), "Get", &body).await?;
        Ok(reply.body().deserialize()?)
    }

    async fn manage<B>(&self, method: &str, body: &B) -> Result<Message, CallError>
    where
        B: zbus::export::serde::Serialize + DynamicType + Signature,
    {
        Ok(self.connection.call_method(Some(SYSTEMD), MANAGER_PATH, Some(MANAGER), method, body).await?)
    }
}

/// Passes the ends of jobs on, as long as the connection lasts.
async fn listen(mut stream: MessageStream, ends: broadcast::Sender<JobEnd>) {
    while let Some(message) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
        let Ok(message) = message else { continue };
        let body = message.body();
        let parts: Result<(u32, OwnedObjectPath, &str, &str), _> = body.deserialize();
        match parts {
            // Nobody may be listening.
            Ok((_, job, _, result)) => drop(ends.send(JobEnd { job, result: result.to_owned() })),
            Err(error) => log::warn!("Ignored a JobRemoved signal of systemd: {error}"),
        }
        // However many there are at once, others have their turn.
        yield_now().await;
    }
}
