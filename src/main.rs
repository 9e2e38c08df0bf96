//! The program: parses its arguments and hands over.

use std::process::ExitCode;

use clipper::sandbox;

fn main() -> ExitCode {
    // Before anything else is there: what an upload is read by starts through here, in a millisecond or two.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|verb| verb == sandbox::VERB) {
        return sandbox::run(arguments);
    }
    // Actors need a system; its tasks run on a runtime of many threads.
    let system = actix::System::with_tokio_rt(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        #[expect(clippy::expect_used, reason = "without a runtime there is nobody to tell")]
        runtime.expect("the system gives no threads")
    });
    system.block_on(clipper::cli::run())
}
