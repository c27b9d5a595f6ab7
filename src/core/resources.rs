// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is asked about resources and their operations, and the answers: the same for a server with clients of its own and
//! for one that leaves them to its driver.
use super::context::Context;
use super::executor::{Executor, Unregistered};
use super::refusal::Refusal;
use super::{LogLevel, PeerId};
use crate::model::{Agent, CallId, Notification, ReplyBody, Request, ResourceId, errno};

/// Who asks, and what that is filed under.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The client, which pays for what it asks for.
    pub peer: PeerId,
    /// How the log calls it.
    pub name: &'a str,
    /// Number of the request.
    pub call_id: CallId,
}

/// What a request is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0, a call id, or a negative errno.
    pub rc: i32,
    /// What the reply says beside that.
    pub body: ReplyBody,
    /// What all clients are told afterwards.
    pub news: Option<Notification>,
}

impl Answer {
    const fn plain(rc: i32) -> Self {
        Self { rc, body: ReplyBody::Plain, news: None }
    }

    fn body(body: Result<ReplyBody, Refusal>, context: &mut Context) -> Self {
        match body {
            Ok(body) => Self { rc: 0, body, news: None },
            Err(refusal) => Self::plain(context.refuse(refusal)),
        }
    }
}

/// Does what is asked.
///
/// # Errors
/// The request, if it is not about resources.
pub(super) fn answer(
    asker: Asker<'_>,
    request: Request,
    executor: &mut Executor,
    context: &mut Context,
) -> Result<Answer, Request> {
    Ok(match request {
        Request::RegisterResource { resource_id, agent, drop_recurring } => {
            register(asker, (resource_id, agent, drop_recurring), executor, context)
        }
        Request::UnregisterResource(resource_id) => unregister(asker, resource_id, executor, context),
        Request::ResourceInfo(id) => {
            let known = id.and_then(|id| executor.resource(&id).cloned());
            Answer::body(known.map(ReplyBody::ResourceInfo).ok_or(Refusal::UnknownResource), context)
        }
        Request::Execute(execute) => {
            let accepted = executor.execute(*execute, asker.peer, asker.call_id, context);
            let accepted = explain(asker, accepted, context);
            Answer::plain(accepted.map_or_else(|refusal| context.refuse(refusal), |call_id| call_id.0))
        }
        Request::Cancel(cancel) => {
            let cancelled = executor.cancel(&cancel, context);
            Answer::plain(cancelled.map_or_else(|refusal| context.refuse(refusal), |()| 0))
        }
        Request::RecurringOperations(id) => {
            Answer::body(executor.recurring_operations(id.as_ref()).map(ReplyBody::Recurring), context)
        }
        other => return Err(other),
    })
}

fn register(
    asker: Asker<'_>,
    resource: (Option<ResourceId>, Agent, bool),
    executor: &mut Executor,
    context: &mut Context,
) -> Answer {
    let (resource_id, agent, drops_recurring) = resource;
    let registered = executor.register(resource_id.clone(), agent, drops_recurring, asker.peer, context);
    match explain(asker, registered, context) {
        Ok(()) => {
            let news = Notification::Registered { rc: 0, call_id: asker.call_id, resource_id };
            Answer { news: Some(news), ..Answer::plain(0) }
        }
        Err(refusal) => Answer::plain(context.refuse(refusal)),
    }
}

fn unregister(
    asker: Asker<'_>,
    resource_id: Option<ResourceId>,
    executor: &mut Executor,
    context: &mut Context,
) -> Answer {
    let rc = match executor.unregister(resource_id.as_ref(), context) {
        Ok(Unregistered::Done) => 0,
        Ok(Unregistered::StillRuns) => -errno::EINPROGRESS,
        Err(refusal) => return Answer::plain(context.refuse(refusal)),
    };
    let news = Notification::Unregistered { rc, call_id: asker.call_id, resource_id };
    Answer { news: Some(news), ..Answer::plain(rc) }
}

/// Says why, where memory is the reason.
pub(super) fn explain<T>(
    asker: Asker<'_>,
    answer: Result<T, Refusal>,
    context: &mut Context,
) -> Result<T, Refusal> {
    if matches!(answer, Err(Refusal::OverBudget))
        && let Some(text) = context.budget().explain(asker.peer, asker.name)
    {
        context.log(LogLevel::Warning, || text);
    }
    answer
}
