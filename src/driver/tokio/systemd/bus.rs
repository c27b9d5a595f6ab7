// SPDX-License-Identifier: LGPL-2.1-or-later
//! The service manager, by way of the system bus. One connection serves all units.
use crate::agents;
use crate::driver::system_bus::{self, MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD, UNIT};
use crate::driver::units::{self, CallError, JOB, JOBS_KEPT};
use std::env;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver};
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::sleep;
use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type as Signature};
use zbus::{Connection, MatchRule, Message, MessageStream, connection};

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, message, _) => {
                Self::named(name.to_string(), message.unwrap_or_default())
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

    /// Has systemd read all unit files again.
    pub(super) async fn reload_files(&self) -> Result<(), CallError> {
        self.manage("Reload", &()).await.map(drop)
    }

    async fn property(&self, object: &str, interface: &str, name: &str) -> Result<OwnedValue, CallError> {
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

impl units::Bus for Bus {
    type Ends = Receiver<JobEnd>;

    fn job_ends(&self) -> Receiver<JobEnd> {
        self.ends.subscribe()
    }

    fn announced(&self, job: &str, ends: &mut Receiver<JobEnd>) -> Option<String> {
        while let Ok(end) = ends.try_recv() {
            if end.job.as_str() == job {
                return Some(end.result);
            }
        }
        None
    }

    async fn announcement(
        &self,
        job: &str,
        ends: &mut Receiver<JobEnd>,
        within: Duration,
    ) -> Result<Option<String>, CallError> {
        let hung_up = || CallError::Interrupted("D-Bus hung up".to_owned());
        let mut over = pin!(sleep(within));
        loop {
            tokio::select! {
                biased;
                end = ends.recv() => match end {
                    Ok(end) if end.job.as_str() == job => return Ok(Some(end.result)),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Ok(None),
                    Err(RecvError::Closed) => return Err(hung_up()),
                },
                () = self.connection.closed() => return Err(hung_up()),
                () = &mut over => return Ok(None),
            }
        }
    }

    async fn load(&self, unit: &str) -> Result<String, CallError> {
        object(&self.manage("LoadUnit", &(unit,)).await?)
    }

    async fn queue(&self, method: &str, unit: &str) -> Result<String, CallError> {
        object(&self.manage(method, &(unit, "replace")).await?)
    }

    async fn unit_text(&self, unit: &str, name: &str) -> Result<String, CallError> {
        Ok(String::try_from(self.property(unit, UNIT, name).await?).map_err(zbus::Error::from)?)
    }

    async fn unit_flag(&self, unit: &str, name: &str) -> Result<bool, CallError> {
        Ok(bool::try_from(self.property(unit, UNIT, name).await?).map_err(zbus::Error::from)?)
    }

    async fn has_job(&self, job: &str) -> Result<bool, CallError> {
        match self.property(job, JOB, "State").await {
            Ok(_) => Ok(true),
            Err(CallError::Refused { name, .. }) if agents::is_unknown_object(&name) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The object that an answer names.
fn object(answer: &Message) -> Result<String, CallError> {
    Ok(answer.body().deserialize::<OwnedObjectPath>()?.as_str().to_owned())
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
