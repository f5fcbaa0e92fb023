use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};

use crate::find_bin;

/// What a program of this workspace prints on a terminal of so many columns, and its exit code; without colours, and without what it
/// says on standard error.
///
/// # Panics
/// If there is no terminal to be had, or a signal ended the program.
pub fn on_terminal<A: AsRef<OsStr>>(
    columns: u16,
    program: &str,
    args: impl IntoIterator<Item = A>,
) -> (String, i32) {
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).expect("the kernel has a terminal left");
    let mut child = Command::new(find_bin(program))
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::from(terminal.slave))
        .stderr(Stdio::null())
        .spawn()
        .expect("a built program runs");
    // Once nobody has the other end open, reading fails (EIO); what was printed until then is there.
    let (mut printed, mut part) = (Vec::new(), [0; 4096]);
    let mut reader = File::from(terminal.master);
    while let Ok(read @ 1..) = reader.read(&mut part) {
        printed.extend_from_slice(&part[..read]);
    }
    let code = child.wait().expect("it was started").code().expect("no signal ended it");
    (String::from_utf8_lossy(&printed).replace("\r\n", "\n"), code)
}
