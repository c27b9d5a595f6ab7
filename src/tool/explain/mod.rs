// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote explain`: what an action would be on this node, without running it.

mod daemon;
mod resource;

use super::{names, words};
use crate::driver::blocking::{Explained, Explanation, NodeAgents, Shown, ShownValue, UnitAction, UnitPlan};
use crate::model::{Execution, Interval, Millis, Params, Release, ResourceId, Standard};
use daemon::Daemon;
use resource::Configured;
use std::process::ExitCode;
use std::sync::Arc;

/// Options of `pcmk-remote explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A resource is looked up in the cluster's configuration with crm_resource; parameters given here come on top. Rules in \
the configuration are not evaluated, and the cluster adds variables of its own (OCF_RESKEY_CRM_meta_*).

Values are hidden when the name promises a secret (passw*, *pass, *secret*, *token*, *credential*, *pwd*, \
*community*, *key unless it is a path) or when they carry a login (scheme://user:password@host); secrets that are \
kept on the node (lrm://) are never shown.

Exit status: 0 the agent would be started; 1 it would not, or the resource is not known; 2 the command line is wrong.")]
pub(super) struct Options {
    /// Resource id, or agent as ocf:PROVIDER:TYPE or STANDARD:TYPE
    #[arg(value_name = "RESOURCE|AGENT")]
    what: String,
    /// Action: start, stop, monitor, ...
    action: String,
    /// Parameters, as NAME=VALUE
    parameters: Vec<String>,
    /// Resource id that an agent would see
    #[arg(long, default_value = "pcmk-remote-explain")]
    id: String,
}

pub(super) fn run(options: &Options) -> ExitCode {
    let configured = match configured(options) {
        Ok(configured) => configured,
        Err(problem) => {
            eprintln!("pcmk-remote explain: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut params = configured.params;
    match names::parameters(&options.parameters) {
        Ok(more) => more.iter().for_each(|(name, value)| params.set(name, value)),
        Err(problem) => {
            eprintln!("pcmk-remote explain: {problem}");
            return ExitCode::from(2);
        }
    }
    let execution = Execution {
        resource_id: configured.id,
        agent: configured.agent,
        action: options.action.as_str().into(),
        interval: Interval(0),
        timeout: Millis(0),
        params: Arc::new(params),
    };
    println!("{} of {} ({})", execution.action, execution.resource_id, execution.agent);
    let daemon = Daemon::find();
    let inherited = daemon.as_ref().map(|daemon| daemon.environment.clone()).unwrap_or_default();
    match NodeAgents::inheriting(inherited, Release::default()).explain(&execution) {
        Ok(Explained::Unit(plan)) => {
            show_unit(&plan);
            ExitCode::SUCCESS
        }
        Ok(Explained::Process(explanation)) => {
            show(&explanation, daemon.as_ref());
            ExitCode::SUCCESS
        }
        Err(outcome) => {
            println!("would not run: {}", words::outcome(&outcome));
            if let Some(reason) = &outcome.reason {
                println!("{reason}");
            }
            ExitCode::FAILURE
        }
    }
}

/// What has a colon is an agent, unless it is an instance of a clone.
fn configured(options: &Options) -> Result<Configured, String> {
    match names::agent(&options.what) {
        Ok(agent) if agent.standard().is_some() => {
            let id = ResourceId::new(options.id.as_str());
            Ok(Configured { id, agent, params: Params::new() })
        }
        Err(problem) if options.what.split_once(':').is_some_and(|(it, _)| Standard::named(it).is_some()) => {
            Err(problem)
        }
        _ => resource::look_up(&options.what, &options.action),
    }
}

fn show_unit(plan: &UnitPlan) {
    println!("unit       {}", plan.unit);
    match plan.action.job_method() {
        Some(method) => println!("asks       systemd over D-Bus: {method}, then waits for its job"),
        None => println!("asks       systemd over D-Bus for its properties"),
    }
    match plan.action {
        UnitAction::Start => println!("writes     {}\n{}", plan.drop_in.display(), plan.drop_in_text()),
        UnitAction::Stop => println!("removes    {}", plan.drop_in.display()),
        _ => {}
    }
    if let Some(reason) = plan.if_unknown.as_ref().and_then(|verdict| verdict.outcome.reason.as_ref()) {
        println!("if systemd does not know it: {reason}");
    }
}

fn show(explanation: &Explanation, daemon: Option<&Daemon>) {
    println!("program    {}", explanation.program.display());
    println!("arguments  {}", explanation.arguments.join(" "));
    println!("environment");
    show_variables(&explanation.environment);
    if explanation.environment.is_empty() {
        println!("  nothing of its own: this standard takes no parameters");
    }
    match daemon {
        None => println!("inherited\n  from the daemon, which does not run here or may not be looked at"),
        Some(daemon) => {
            println!(
                "inherited from {} (process {}), which adds its name and the places of its logs",
                daemon.name, daemon.pid
            );
            show_variables(&explanation.inherited);
            if let Some(directory) = &daemon.directory {
                println!("directory  {}", directory.display());
            }
        }
    }
}

fn show_variables(variables: &[Shown]) {
    for Shown { name, value } in variables {
        match value {
            ShownValue::Plain(value) => println!("  {name}={}", on_one_line(value)),
            ShownValue::Hidden => println!("  {name}=<hidden>"),
            ShownValue::FromNode => println!("  {name}=<secret that is kept on this node for lrm://>"),
            ShownValue::Missing => println!("  {name}=lrm:// (this node has no such secret)"),
        }
    }
}

fn on_one_line(value: &str) -> String {
    let shown = |character: char| match character.is_control() {
        true => character.escape_debug().to_string(),
        false => character.to_string(),
    };
    value.chars().map(shown).collect()
}
