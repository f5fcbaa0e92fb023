//! A host at rest, and what an agent is asked on it: what `cargo xtask bench idle` measures, in small.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::names::Function;
use super::trace::{self, Ran};

/// Some rounds of everything that comes again, and the end of a minute.
const RESTS: Duration = Duration::from_secs(75);
/// What follows from a change, and some rounds more.
const GOES_ON: Duration = Duration::from_secs(15);
/// So many as a map needs nodes for, and as a sort takes another way for.
const CHECKS: usize = 12;
const FILES: usize = 1_000;

/// What runs in an agent at rest, then while it is asked and has something to repair, until its end.
pub(super) fn ran(program: &Path, functions: &[Function]) -> Result<Ran, String> {
    let folder = std::env::temp_dir().join(format!("ek-order-{}", std::process::id()));
    let ran = Host::new(&folder)
        .map_err(|error| format!("`{}`: {error}", folder.display()))
        .and_then(|host| host.ran(program, functions));
    let _ = fs::remove_dir_all(&folder);
    let ran = ran?;
    // A program that ended at once has told nothing.
    if ran.at_rest.len() < 1_000 || ran.later.is_empty() {
        return Err(format!("only {} functions ran", ran.at_rest.len()));
    }
    Ok(ran)
}

struct Host {
    folder: PathBuf,
    page: u16,
}

impl Host {
    fn new(folder: &Path) -> std::io::Result<Self> {
        let page = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let endpoint = endpoint()?;
        fs::create_dir_all(folder.join("files"))?;
        for folder in [folder, &folder.join("files")] {
            fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        }
        for number in 0..FILES {
            let file = folder.join(format!("files/{number}.hash"));
            fs::write(&file, "")?;
            fs::set_permissions(&file, Permissions::from_mode(0o644))?;
        }
        fs::write(folder.join("pid"), std::process::id().to_string())?;
        let place = folder.display();
        let mut text = format!(
            "[agent]\nstate_dir = \"{place}/state\"\nlisten = \"127.0.0.1:{page}\"\nsocket = \"{place}/socket\"\ngrace = \"0s\"\n\
             [permissions.files]\npath = \"{place}/files\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\nwatch = true\ninterval = \"5s\"\n"
        );
        for number in 0..CHECKS {
            write!(
                text,
                "[check.http-{number}]\nhttp = {{ url = \"http://127.0.0.1:{endpoint}/\" }}\ninterval = \"5s\"\ntimeout = \"3s\"\n\
                 [check.process-{number}]\nprocess = {{ pidfile = \"{place}/pid\" }}\ninterval = \"5s\"\n"
            )
            .expect("a string takes everything");
        }
        let settings = folder.join("settings.toml");
        fs::write(&settings, text)?;
        fs::set_permissions(&settings, Permissions::from_mode(0o600))?;
        Ok(Self { folder: folder.to_owned(), page })
    }

    fn ran(&self, program: &Path, functions: &[Function]) -> Result<Ran, String> {
        let agent = Command::new("sh")
            .args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""])
            .arg(program)
            .args(["run", "--config"])
            .arg(self.folder.join("settings.toml"))
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run the agent: {error}"))?;
        let pid = i32::try_from(agent.id()).map_err(|error| error.to_string())?;
        let addresses = functions.iter().map(|function| function.address).collect();
        let is_rest_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(RESTS);
                is_rest_over.store(true, Ordering::Relaxed);
                let asked = ["/metrics", "/", "/api/status"].map(|path| self.ask(path));
                println!("asked for its pages: {asked:?}");
                // It is repaired at once.
                let file = self.folder.join("files/0.hash");
                let _ = fs::set_permissions(file, Permissions::from_mode(0o600));
                std::thread::sleep(GOES_ON);
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            });
            trace::follow(Pid::from_raw(pid), program, &addresses, &is_rest_over)
        })
    }

    /// How long the answer was.
    fn ask(&self, path: &str) -> std::io::Result<usize> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.page))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new())
    }
}

/// The port of one that answers each request with 200 for as long as this program runs.
fn endpoint() -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream));
        }
    });
    Ok(port)
}

fn answer(mut stream: &TcpStream) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let sent = !line.is_empty()
            || stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n").is_ok();
        if !sent {
            return;
        }
    }
}
