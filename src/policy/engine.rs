//! Running the rules of a loaded bundle: one small program and one machine per rule, so that a runaway rule loses
//! nobody else's findings.
//!
//! A machine belongs to one thread. It bounds steps and time, but cannot interrupt a built-in or a crash: that is why
//! it lives in a worker process.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use regorus::Value;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::rvm::program::Program;
use regorus::rvm::vm::VmError;
use regorus::utils::limits::ExecutionTimerConfig;

use crate::policy::RuleId;
use crate::policy::answer;
use crate::policy::answer::Answer;
use crate::policy::load::Loaded;

/// How many steps pass between two looks at the clock.
const CLOCK_EVERY: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// How far one rule may go on one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps of the machine. Shipped rules take a few hundred; without a limit a loop over a long list runs on.
    pub instructions: usize,
    /// Wall-clock time. A running built-in is not interrupted by it.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instructions: 1_000_000, time: Duration::from_millis(200) }
    }
}

/// Why no machine could be made or no question could be read.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine does not take the bundle's data.
    #[error("the bundle's data cannot be used: {0}")]
    Data(String),
    /// The input is not JSON.
    #[error("the input is not JSON: {0}")]
    Input(#[from] serde_json::Error),
}

/// An input document in the engine's own form. Cheap to hand to several rules.
#[derive(Clone, Debug)]
pub struct Prepared(Value);

impl Prepared {
    /// Reads the bytes of an input once for all rules.
    pub fn new(json: &[u8]) -> Result<Self, EngineError> {
        Ok(Self(serde_json::from_slice(json)?))
    }

    /// The engine's value.
    pub(in crate::policy) const fn value(&self) -> &Value {
        &self.0
    }
}

/// The compiled form of one rule.
pub type Compiled = Arc<Program>;

/// Runs the rules of one bundle.
pub struct Machine {
    seats: Vec<Seat>,
    data: Value,
    limits: Limits,
}

struct Seat {
    id: RuleId,
    program: Compiled,
    vm: RegoVM,
}

impl Machine {
    /// A machine for every rule of the bundle, in the order of its rules.
    pub fn new(loaded: &Loaded, limits: Limits) -> Result<Self, EngineError> {
        let data = loaded.data().clone();
        let seats = loaded.programs().map(|(id, program)| {
            let vm = vm(program, &data, limits)?;
            Ok(Seat { id: id.clone(), program: program.clone(), vm })
        });
        Ok(Self { seats: seats.collect::<Result<_, EngineError>>()?, data, limits })
    }

    /// Asks the rule at this position of the bundle. A position that does not exist is a fault.
    pub fn ask(&mut self, rule_index: usize, input: &Prepared) -> Answer {
        let Some(seat) = self.seats.get_mut(rule_index) else {
            return Answer::Fault("there is no such rule".to_owned());
        };
        seat.vm.set_input(input.0.clone());
        match seat.vm.execute_entry_point_by_index(0) {
            Ok(value) => answer::read(&seat.id, &value),
            Err(error) => {
                // What a faulted machine still holds is not to be trusted for the next question.
                if let Ok(fresh) = vm(&seat.program, &self.data, self.limits) {
                    seat.vm = fresh;
                }
                Answer::Fault(fault(&error, self.limits))
            }
        }
    }
}

fn vm(program: &Compiled, data: &Value, limits: Limits) -> Result<RegoVM, EngineError> {
    let mut vm = RegoVM::new();
    vm.load_program(program.clone());
    vm.set_data(data.clone()).map_err(|error| EngineError::Data(error.to_string()))?;
    vm.set_max_instructions(limits.instructions);
    vm.set_execution_timer_config(Some(timer(limits)));
    Ok(vm)
}

/// The engine's own clock settings for these limits.
pub(in crate::policy) const fn timer(limits: Limits) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit: limits.time, check_interval: CLOCK_EVERY }
}

fn fault(error: &VmError, limits: Limits) -> String {
    if matches!(error, VmError::InstructionLimitExceeded { .. }) {
        return format!("it took more than {} steps", limits.instructions);
    }
    if matches!(error, VmError::TimeLimitExceeded { .. }) {
        return format!("it took longer than {} ms", limits.time.as_millis());
    }
    let said = error.to_string();
    said.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// Compiles one rule of an engine that holds its file, its libraries and the data. The error is the engine's text.
pub(in crate::policy) fn compile(
    engine: &mut regorus::Engine,
    entry: &str,
) -> Result<Compiled, String> {
    let policy =
        engine.compile_with_entrypoint(&entry.into()).map_err(|error| error.to_string())?;
    Compiler::compile_from_policy(&policy, &[entry]).map_err(|error| error.to_string())
}

/// Asks one compiled rule one question.
pub(in crate::policy) fn once(
    id: &RuleId,
    program: &Compiled,
    data: &Value,
    limits: Limits,
    input: &Prepared,
) -> Result<Answer, EngineError> {
    let mut vm = vm(program, data, limits)?;
    vm.set_input(input.0.clone());
    Ok(match vm.execute_entry_point_by_index(0) {
        Ok(value) => answer::read(id, &value),
        Err(error) => Answer::Fault(fault(&error, limits)),
    })
}
