//! Arguments -> configuration -> gateway -> wait for a signal.

use std::process::ExitCode;

fn main() -> ExitCode {
    switchboard::cli::run()
}
