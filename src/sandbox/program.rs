//! The program that is to run: where it is, and what else must be opened for it to start.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{PATH, SandboxError};

/// A program on disk.
#[derive(Debug)]
pub(super) struct Program {
    /// As it was named, with its folder.
    pub path: PathBuf,
    /// Without links.
    pub file: PathBuf,
    /// What loads its libraries, unless it has none.
    pub loader: Option<PathBuf>,
    /// Whether it is text that another program executes.
    pub is_script: bool,
}

/// More than the headers of any program take.
const HEADERS: u64 = 64 * 1_024;

impl Program {
    /// Looks for a program: a bare name where programs are, anything else where it says.
    pub(super) fn find(named: &Path) -> Result<Self, SandboxError> {
        let missing = || SandboxError::NotFound(named.to_owned());
        let path = if named.components().count() > 1 {
            named.to_owned()
        } else {
            let mut folders = PATH.split(':').map(|folder| Path::new(folder).join(named));
            folders.find(|path| path.is_file()).ok_or_else(missing)?
        };
        let unreadable = |source: std::io::Error| {
            if source.kind() == std::io::ErrorKind::NotFound {
                return missing();
            }
            let program = named.to_owned();
            SandboxError::NotExecutable { program, source }
        };
        let file = path.canonicalize().map_err(unreadable)?;
        let mut head = vec![];
        let opened = File::open(&file).map_err(unreadable)?;
        opened.take(HEADERS).read_to_end(&mut head).map_err(unreadable)?;
        Ok(Self {
            path,
            file,
            loader: loader(&head),
            is_script: head.starts_with(b"#!"),
        })
    }
}

/// The path in the program header `PT_INTERP` of a 64-bit little-endian ELF file (System V ABI, chapters 4 and 5).
fn loader(head: &[u8]) -> Option<PathBuf> {
    const PT_INTERP: u64 = 3;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size, count) = (number(head, 32, 8)?, number(head, 54, 2)?, number(head, 56, 2)?);
    let header = (0..count)
        .map_while(|index| table.checked_add(index * size))
        .find(|at| number(head, *at, 4) == Some(PT_INTERP))?;
    let start = usize::try_from(number(head, header + 8, 8)?).ok()?;
    let path = head.get(start..)?.split(|byte| *byte == 0).next()?;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(path)))
}

fn number(bytes: &[u8], at: u64, length: usize) -> Option<u64> {
    let start = usize::try_from(at).ok()?;
    let bytes = bytes.get(start..start.checked_add(length)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_with_its_loader_and_a_script_is_told_apart() {
        let shell = Program::find(Path::new("sh")).unwrap();
        assert!(shell.path.is_absolute() && shell.file.is_file() && !shell.is_script);
        // Static on some systems; what is named must be there.
        assert!(shell.loader.is_none_or(|loader| loader.is_file()));
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(Program::find(&script).unwrap().is_script);
        assert!(matches!(
            Program::find(Path::new("no-such-program")),
            Err(SandboxError::NotFound(_))
        ));
    }

    #[test]
    fn the_loader_is_where_the_program_header_says() {
        let mut head = vec![0_u8; 256];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (head[32], head[54], head[56]) = (64, 56, 2);
        (head[64 + 56], head[64 + 56 + 8]) = (3, 200);
        head[200..207].copy_from_slice(b"/lib/ld");
        assert_eq!(loader(&head), Some(PathBuf::from("/lib/ld")));
        head[64 + 56] = 1;
        assert_eq!(loader(&head), None);
    }
}
