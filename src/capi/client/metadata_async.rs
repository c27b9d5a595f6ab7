// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent says of itself, asked in the caller's process while its main loop goes on.

use std::cell::RefCell;
use std::ffi::{CString, c_int, c_void};
use std::ptr;
use std::rc::Rc;

use super::metadata::agent_of;
use super::text::text;
use crate::capi::abi::shared::{ActionResult, LrmdRscInfo};
use crate::capi::abi::{BEHAVIOUR, RELEASE};
use crate::capi::entry::entry;
use crate::driver::blocking::{NoMetadata, NodeAgents};
use crate::driver::inquiry::{Answer, Asked, Asking, Refused};
use crate::driver::linux_ha;
use crate::model::{Agent, ExecStatus, OcfExit, Outcome, Params, Standard};
use crate::sys::glib::{Interest, Priority, Source, Watch};
use crate::sys::unwind::guard;

/// Called once with the process of the agent (0 if it was not asked, or is not a fence agent) and its result, which is
/// lent for the length of the call.
pub type MetadataCallback =
    Option<unsafe extern "C" fn(pid: c_int, result: *const ActionResult, user_data: *mut c_void)>;

/// The exit code for an object that does not exist: `CRM_EX_NOSUCH`.
const NO_SUCH_OBJECT: OcfExit = OcfExit(105);
/// Pacemaker's code for a failure of any kind.
const FAILED: c_int = -1001;

entry! {
    /// Asks an agent of this node for its metadata. The callback is called exactly once, unless it is NULL: before this
    /// returns if no agent has to be run, later from the default main context otherwise; the metadata is in the
    /// result's `action_stdout`. The agent may take 30 s (Pacemaker 3.0: 20 s), then it is killed with all that it has
    /// started.
    ///
    /// Returns 0 if the answer is there or will come, as for an agent that cannot be executed, or for an init script that is
    /// not there; otherwise EINVAL for an incomplete or unknown agent, ENOENT for an unknown fence agent, -1001 if no process
    /// could be made.
    ///
    /// # Safety
    /// `rsc` is NULL or a description whose strings are NULL or C strings. `user_data` is what the callback can bear.
    pub unsafe fn lrmd__metadata_async(
        rsc: *const LrmdRscInfo,
        callback: MetadataCallback,
        user_data: *mut c_void,
    ) -> c_int, failed = FAILED; {
        let Some(callback) = callback else {
            log::error!("lrmd__metadata_async: there is no callback");
            return libc::EINVAL;
        };
        let call = Call { callback, user_data };
        // Even a panic gets the one answer that is promised.
        let asked = guard(Err((Answer::without_run(internal_error()), FAILED)), || {
            // SAFETY: by the caller's promise.
            let agent = unsafe { agent(rsc) };
            let agent = agent.ok_or_else(|| {
                let outcome = Outcome::new(OcfExit::NOT_CONFIGURED, ExecStatus::FatalError);
                (Answer::without_run(outcome.because("Invalid resource specification")), libc::EINVAL)
            })?;
            start(&agent)
        });
        match asked {
            Ok(Started::Known(answer)) => {
                call.answer(0, &answer);
                0
            }
            Ok(Started::Running { asking, fence }) => {
                let pid = if fence { asking.pid() } else { 0 };
                attach(asking, move |answer| call.answer(pid, answer));
                0
            }
            Err((answer, code)) => {
                call.answer(0, &answer);
                code
            }
        }
    }
}

/// Whom to answer.
struct Call {
    callback: unsafe extern "C" fn(c_int, *const ActionResult, *mut c_void),
    user_data: *mut c_void,
}

impl Call {
    fn answer(&self, pid: c_int, answer: &Answer) {
        let text = |bytes: &[u8]| {
            let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            (!bytes.is_empty()).then(|| CString::new(bytes).unwrap_or_default())
        };
        let reason = text(answer.outcome.reason.as_deref().unwrap_or_default().as_bytes());
        let (stdout, stderr) = (text(&answer.stdout), text(&answer.stderr));
        let lent =
            |text: &Option<CString>| text.as_ref().map_or(ptr::null_mut(), |text| text.as_ptr().cast_mut());
        let result = ActionResult {
            exit_status: answer.outcome.exit.0,
            execution_status: answer.outcome.status.code(),
            exit_reason: lent(&reason),
            action_stdout: lent(&stdout),
            action_stderr: lent(&stderr),
        };
        // SAFETY: the caller's function and its own pointer; the result and its strings live until it returns.
        unsafe { (self.callback)(pid, &raw const result, self.user_data) };
    }
}

fn internal_error() -> Outcome {
    Outcome::new(OcfExit::ERROR, ExecStatus::Error).because("internal error")
}

/// # Safety
/// `rsc` is NULL or a description whose strings are NULL or C strings.
unsafe fn agent(rsc: *const LrmdRscInfo) -> Option<Agent> {
    // SAFETY: the caller's promise; the references end with this function.
    unsafe {
        let rsc = rsc.as_ref()?;
        Some(agent_of(&text(rsc.standard)?, text(rsc.provider).as_deref(), &text(rsc.r#type)?))
    }
}

enum Started {
    Known(Answer),
    Running { asking: Box<Asking>, fence: bool },
}

fn start(agent: &Agent) -> Result<Started, (Answer, c_int)> {
    let done = |document| {
        let outcome = Outcome::new(OcfExit::OK, ExecStatus::Done);
        Ok(Started::Known(Answer { outcome, stdout: document, stderr: Vec::new() }))
    };
    let node = NodeAgents::new(RELEASE);
    let fence = match agent.standard() {
        Some(Standard::Ocf) => false,
        Some(Standard::Stonith) => true,
        // The others have no program that knows it: nothing runs long.
        _ => {
            return match node.metadata(agent, &Params::new(), BEHAVIOUR.metadata_limit) {
                Ok(document) => done(document),
                Err(error) => Err(refusal(agent, Refused::Unprepared(error))),
            };
        }
    };
    match node.ask(agent, &Params::new(), BEHAVIOUR.metadata_limit) {
        Ok(Asked::Known(document)) => done(document),
        Ok(Asked::Running(asking)) => Ok(Started::Running { asking, fence }),
        Err(Refused::Unprepared(NoMetadata::NotInstalled(_))) if fence => {
            match linux_ha::metadata(&agent.name, RELEASE) {
                Some(document) => done(document.into_bytes()),
                None => Err(no_fence_agent(&agent.name)),
            }
        }
        Err(refused) => Err(refusal(agent, refused)),
    }
}

fn no_fence_agent(name: &str) -> (Answer, c_int) {
    let outcome = Outcome::new(NO_SUCH_OBJECT, ExecStatus::HardError);
    (Answer::without_run(outcome.because(format!("No such agent '{name}'"))), libc::ENOENT)
}

fn refusal(agent: &Agent, refused: Refused) -> (Answer, c_int) {
    // What the kernel would not execute is an answer, with the exit code of an agent that says so itself.
    let not_started = match &refused {
        Refused::NotStarted(result) if result.outcome.status == ExecStatus::Done => Some(0),
        Refused::NotStarted(_) => Some(FAILED),
        Refused::Unprepared(_) => None,
    };
    let mut answer = Answer::from(refused);
    if let Some(code) = not_started {
        return (answer, code);
    }
    match agent.standard() {
        // Upstream looks for it when it runs it, and that is an answer.
        Some(Standard::Lsb | Standard::Service | Standard::Systemd) => (answer, 0),
        None | Some(Standard::Nagios | Standard::Upstart) => {
            answer.outcome.exit = OcfExit::NOT_INSTALLED;
            answer.outcome.status = ExecStatus::NotInstalled;
            (answer, libc::EINVAL)
        }
        Some(Standard::Ocf | Standard::Stonith) => (answer, libc::EINVAL),
    }
}

/// Has the main loop watch the agent, and calls `done` when it has answered.
fn attach(mut asking: Box<Asking>, done: impl FnOnce(&Answer) + 'static) {
    let place: Rc<RefCell<Option<Watched>>> = Rc::default();
    let mut done = Some(done);
    let inside = Rc::clone(&place);
    let source = Source::attach(c"metadata of an agent", Priority::Default, move || {
        let Some(answer) = asking.advance() else {
            if let Some(watched) = inside.borrow_mut().as_mut() {
                watched.update(&asking);
            }
            return;
        };
        // The source ends first: the callback may run the main loop itself. No borrow is alive while it runs.
        drop(inside.take());
        if let Some(done) = done.take() {
            done(&answer);
        }
    });
    // The first turn of the loop makes the source watch what there is.
    source.wake();
    place.replace(Some(Watched { source, watches: None }));
}

/// The source, and what it watches of an agent.
struct Watched {
    source: Source,
    watches: Option<[Option<Watch>; 3]>,
}

impl Watched {
    fn update(&mut self, asking: &Asking) {
        let descriptors = asking.descriptors();
        let source = &self.source;
        let watches = self.watches.get_or_insert_with(|| {
            descriptors
                .map(|descriptor| descriptor.map(|descriptor| source.watch(descriptor, Interest::READ)))
        });
        for (watch, descriptor) in watches.iter_mut().zip(descriptors) {
            if descriptor.is_none()
                && let Some(watch) = watch.take()
            {
                source.unwatch(watch);
            }
        }
        source.set_timer(Some(asking.time_left()));
    }
}
