//! `clipper man`: manual pages, made of the same definitions as `--help`.

use std::io::Write;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

/// What `--help` does not say.
const REST: &str = r#".SH FILES
.TP
\fIclipper.toml\fR
Settings, in the folder in which the command is given, or where \fB\-\-config\fR or \fBCLIPPER_CONFIG\fR say.
.TP
\fI/etc/clipper/clipper.toml\fR
Settings of the packaged service.
.SH ENVIRONMENT
Every setting has a variable, \fBCLIPPER_\fR\fISECTION\fR\fB_\fR\fIKEY\fR; beside them \fBDATABASE_URL\fR, \fBMEDIA_URL\fR,
the customary \fBAWS_\fR variables and \fBRUST_LOG\fR. \fBclipper config\fR prints what is in effect.
.SH "EXIT STATUS"
0 when all went well, 1 when it failed or what was looked at is not well, 2 when the command or the settings make no sense.
"#;

/// Prints the page of the program, or writes one for it and one for each verb into a folder.
pub(super) fn write(command: Command, folder: Option<&Path>) -> anyhow::Result<bool> {
    let Some(folder) = folder else {
        let mut out = std::io::stdout().lock();
        Man::new(command).render(&mut out)?;
        out.write_all(REST.as_bytes())?;
        return Ok(true);
    };
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)?;
    let page = folder.join("clipper.1");
    let mut page = std::fs::OpenOptions::new().append(true).open(page)?;
    page.write_all(REST.as_bytes())?;
    Ok(true)
}
