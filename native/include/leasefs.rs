// SPDX-License-Identifier: MIT
//! Layout leases and pins of files of a leasefs mount. Each call is an ioctl of leasefs.h, which says what it does; an error
//! has the errno that leasefs.h names (`raw_os_error`), and where a rule refused the call its `refusal`: the rule, the holder,
//! the remedy. `mod leasefs;` includes the file: it needs nothing but std.
//!
//! ```ignore
//! let file = File::options().read(true).write(true).open("/mnt/leasefs/f")?;
//! leasefs::set_lease(&file, leasefs::EXCLUSIVE)?;
//! let pin = leasefs::pin(&file, 0, 2 << 20)?; // truncate and punch there are refused from now on
//! leasefs::unpin(&file, pin)?;
//! ```
#![allow(dead_code)]
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const EXCLUSIVE: u32 = 48;
pub const SHARED: u32 = 80;
pub const EXCLUSIVE_BREAKABLE: u32 = 17;
pub const SHARED_BREAKABLE: u32 = 16;
pub const UNLCK: u32 = 2;

const ABI: u32 = 1;
const BY_DESCRIPTION: u32 = 1;
const PINS_MAX: usize = 128;
const REPORT_REFUSAL: u32 = 4;
const REPORT_MAX: usize = 16000;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub struct Error {
    pub os: io::Error,
    /// None: no rule refused the call.
    pub refusal: Option<Refusal>,
}

/// Why a rule refused a call. `leasefs explain X1` prints a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// 'EBUSY'.
    pub errno: String,
    pub rule: String,
    pub holder: Option<Holder>,
    /// What the caller can do.
    pub remedy: Option<String>,
    /// ms since 1970.
    pub time: u64,
}

/// The lease that refuses a call, or the pin under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// 0: not known.
    pub pid: u64,
    pub command: String,
    /// Of the lease, as `leasefs leases` has it.
    pub kind: String,
    pub lease: u64,
    /// None: a lease; 0: a pin of the kernel's.
    pub pin: Option<u64>,
    /// Of the pin, bytes.
    pub off: u64,
    pub len: u64,
}

impl Error {
    pub fn raw_os_error(&self) -> Option<i32> {
        self.os.raw_os_error()
    }
}

impl From<io::Error> for Error {
    fn from(os: io::Error) -> Error {
        Error { os, refusal: None }
    }
}

/// Keeps the errno; of the refusal nothing.
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        error.os
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.os)?;
        let Some(Refusal { rule, holder, remedy, .. }) = &self.refusal else { return Ok(()) };
        write!(f, " [{rule}]")?;
        let held = holder.as_ref().map(Holder::to_string);
        for (n, part) in held.iter().chain(remedy).enumerate() {
            write!(f, "{}{part}", if n == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { kind, lease, off, len, .. } = self;
        match self.pin {
            None => write!(f, "'{kind}' lease {lease}")?,
            Some(0) => write!(f, "kernel pin [{off}, {})", off + len)?,
            Some(pin) => write!(f, "pin {pin} [{off}, {})", off + len)?,
        }
        match self.pid {
            0 => write!(f, " of an unidentified process"),
            pid => write!(f, " of {pid} ({})", self.command),
        }
    }
}

#[repr(C)]
#[derive(Default)]
struct LeaseArg {
    version: u32,
    kind: u32,
    flags: u32,
    signal: i32,
    cookie: u64,
    description: u64,
    break_ms: u32,
    reserved: [u32; 5],
}

#[repr(C)]
#[derive(Default)]
struct PinArg {
    version: u32,
    flags: u32,
    off: u64,
    len: u64,
    owner: u64,
    id: u64,
    reserved: [u64; 2],
}

#[repr(C)]
#[derive(Default)]
struct UnpinArg {
    version: u32,
    flags: u32,
    id: u64,
    count: u32,
    reserved: [u32; 3],
}

#[repr(C)]
struct PinsArg {
    version: u32,
    count: u32,
    after: u64,
    total: u64,
    reserved: u64,
    pins: [Pin; PINS_MAX],
}

#[repr(C)]
struct ReportArg {
    version: u32,
    what: u32,
    off: u32,
    len: u32,
    size: u32,
    reserved: [u32; 3],
    data: [u8; REPORT_MAX],
}

#[repr(C)]
struct WatchArg {
    version: u32,
    reserved: [u32; 5],
    token: [u8; 8],
    address: [u8; 96],
}

/// A pin of a file. Bytes, rounded to blocks of 4096. flags: 1 of a description, 2 made by this process, 4 its lease is a zombie.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Pin {
    pub id: u64,
    pub off: u64,
    pub len: u64,
    pub pid: i32,
    pub flags: u32,
}

/// The lease of an open file description.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// During a break: what it must become (L8).
    pub kind: u32,
    /// Until a break is forced; zero: no break is pending.
    pub until_forced: Duration,
    /// Names the description as a pin's owner; keep it secret.
    pub description: u64,
}

mod sys {
    use std::ffi::{c_int, c_ulong, c_void};
    extern "C" {
        pub fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
        pub fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
        pub fn connect(fd: c_int, address: *const c_void, length: u32) -> c_int;
    }
}

fn call<T>(file: &impl AsRawFd, number: u64, arg: &mut T) -> io::Result<()> {
    let request = 3 << 30 | (std::mem::size_of::<T>() as u64) << 16 | (b'Y' as u64) << 8 | number;
    // musl's and glibc's ioctl take the request as an int and as a long: it fits both.
    match unsafe { sys::ioctl(file.as_raw_fd(), request as _, arg as *mut T) } {
        n if n < 0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// `call`, with the reason of a refusal.
fn reasoned<T>(file: &impl AsRawFd, number: u64, arg: &mut T) -> Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    let Err(os) = call(file, number, arg) else { return Ok(()) };
    let name = name_of(os.raw_os_error().unwrap_or(0));
    let found = if name.is_empty() { None } else { refusal(file).unwrap_or(None) };
    let refusal = found.filter(|found| found.time >= since && found.errno == name);
    Err(Error { os, refusal })
}

/// Of those that rules answer.
fn name_of(errno: i32) -> &'static str {
    match errno {
        1 => "EPERM",
        2 => "ENOENT",
        9 => "EBADF",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        14 => "EFAULT",
        16 => "EBUSY",
        22 => "EINVAL",
        26 => "ETXTBSY",
        28 => "ENOSPC",
        35 => "EDEADLK",
        37 => "ENOLCK",
        _ => "",
    }
}

/// This process's newest call on the file that a rule refused, also of truncate and write. None: none that is kept.
pub fn refusal(file: &impl AsRawFd) -> Result<Option<Refusal>> {
    let mut text = Vec::new();
    let data = [0; REPORT_MAX];
    let (what, reserved) = (REPORT_REFUSAL, [0; 3]);
    let mut arg = ReportArg { version: ABI, what, off: 0, len: 0, size: 0, reserved, data };
    loop {
        arg.off = text.len() as u32;
        call(file, 0x85, &mut arg)?;
        text.extend_from_slice(&arg.data[..arg.len as usize]);
        if arg.len == 0 || text.len() >= arg.size as usize {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text);
    let Some(found) = member(&text, "refusal").filter(|found| *found != "null") else { return Ok(None) };
    let words = |object: &str, name| member(object, name).map(unquoted);
    let number = |object: &str, name| member(object, name).and_then(|value| value.parse().ok());
    let holder = member(found, "holder").map(|holder| Holder {
        pid: number(holder, "pid").unwrap_or(0),
        command: words(holder, "command").unwrap_or_default(),
        kind: words(holder, "kind").unwrap_or_default(),
        lease: number(holder, "lease").unwrap_or(0),
        pin: number(holder, "pin"),
        off: number(holder, "off").unwrap_or(0),
        len: number(holder, "len").unwrap_or(0),
    });
    Ok(Some(Refusal {
        errno: words(found, "errno").unwrap_or_default(),
        rule: words(found, "rule").unwrap_or_default(),
        holder,
        remedy: words(found, "remedy"),
        time: number(found, "time").unwrap_or(0),
    }))
}

/// The text of a member's value in a JSON object without white space, as the daemon writes it.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let bytes = object.as_bytes();
    let (mut depth, mut quoted, mut begin) = (0, false, 1);
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b',' | b'}' if depth == 1 => {
                let member = object.get(begin..at)?;
                let named = member.strip_prefix('"').and_then(|member| member.strip_prefix(name));
                let value = named.and_then(|member| member.strip_prefix("\":"));
                if value.is_some() {
                    return value;
                }
                begin = at + 1;
            }
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// A JSON string's text.
fn unquoted(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value.trim_matches('"').chars();
    while let Some(char) = rest.next() {
        match (char, if char == '\\' { rest.next() } else { None }) {
            ('\\', Some('u')) => {
                let code: String = rest.by_ref().take(4).collect();
                text.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
            }
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some(other)) => text.push(other),
            _ => text.push(char),
        }
    }
    text
}

/// Takes, converts or (UNLCK) releases the lease of the file's description. EINTR: a signal came while it waited (B5).
pub fn set_lease(file: &impl AsRawFd, kind: u32) -> Result<()> {
    reasoned(file, 0x80, &mut LeaseArg { version: ABI, kind, ..Default::default() })
}

/// The lease of the file's description; its kind is UNLCK where there is none.
pub fn get_lease(file: &impl AsRawFd) -> Result<Lease> {
    let mut arg = LeaseArg { version: ABI, ..Default::default() };
    call(file, 0x81, &mut arg)?;
    let until_forced = Duration::from_millis(arg.break_ms.into());
    Ok(Lease { kind: arg.kind, until_forced, description: arg.description })
}

/// Protects bytes [off, off + len) until `unpin` or the end of this process; the pin's id.
pub fn pin(file: &impl AsRawFd, off: u64, len: u64) -> Result<u64> {
    let mut arg = PinArg { version: ABI, off, len, ..Default::default() };
    reasoned(file, 0x82, &mut arg)?;
    Ok(arg.id)
}

/// As `pin`; it ends with the description `owner`, 0 being the file's own.
pub fn pin_by_description(file: &impl AsRawFd, off: u64, len: u64, owner: u64) -> Result<u64> {
    let mut arg = PinArg { version: ABI, flags: BY_DESCRIPTION, off, len, owner, ..Default::default() };
    reasoned(file, 0x82, &mut arg)?;
    Ok(arg.id)
}

/// Removes a pin, through any file of the mount.
pub fn unpin(file: &impl AsRawFd, id: u64) -> Result<()> {
    reasoned(file, 0x83, &mut UnpinArg { version: ABI, id, ..Default::default() })
}

/// The pins of the file, in the order of their ids.
pub fn pins(file: &impl AsRawFd) -> Result<Vec<Pin>> {
    let mut found: Vec<Pin> = Vec::new();
    loop {
        let after = found.last().map_or(0, |pin| pin.id);
        let pins = [Pin::default(); PINS_MAX];
        let mut arg = PinsArg { version: ABI, count: 0, after, total: 0, reserved: 0, pins };
        call(file, 0x84, &mut arg)?;
        found.extend_from_slice(&arg.pins[..arg.count as usize]);
        if (arg.count as usize) < PINS_MAX {
            return Ok(found);
        }
    }
}

/// What the lease must become within `until_forced`, or with zero what it is.
#[derive(Clone, Copy, Debug)]
pub struct Notice {
    pub kind: u32,
    pub until_forced: Duration,
}

/// Is notified of breaks; its descriptor is for any event loop. Dropping it ends only the watch. On a mount with a keeper it goes
/// on when the daemon dies, and the next daemon repeats the notice of a break that is pending.
pub struct Watch {
    pub socket: UnixStream,
    /// How things were when the watch began.
    pub first: Notice,
}

impl Watch {
    pub fn new(file: &impl AsRawFd) -> Result<Watch> {
        for _ in 0..2 {
            match Watch::connect(file) {
                // The daemon may have died since it answered, and another one serves the mount.
                Err(error) if is_gone(error.os.kind()) => {}
                made => return made,
            }
        }
        Watch::connect(file)
    }

    fn connect(file: &impl AsRawFd) -> Result<Watch> {
        let mut arg = WatchArg { version: ABI, reserved: [0; 5], token: [0; 8], address: [0; 96] };
        call(file, 0x87, &mut arg)?;
        let length = arg.address.iter().position(|&byte| byte == 0).unwrap_or(arg.address.len());
        // struct sockaddr_un of an abstract name, which std cannot make on older compilers.
        let mut to = [0u8; 110];
        to[..2].copy_from_slice(&1u16.to_ne_bytes());
        to[3..3 + length].copy_from_slice(&arg.address[..length]);
        const STREAM_CLOEXEC: i32 = 1 | 0o2000000;
        let fd = unsafe { sys::socket(1, STREAM_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error().into());
        }
        let mut socket = unsafe { UnixStream::from_raw_fd(fd) };
        if unsafe { sys::connect(fd, to.as_ptr().cast(), (3 + length) as u32) } < 0 {
            return Err(io::Error::last_os_error().into());
        }
        match socket.write_all(&arg.token) {
            // A daemon that refuses the watch may have sent the reason first.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        let first = take(&mut socket)?;
        Ok(Watch { socket, first })
    }

    /// Waits for the next notice. UnexpectedEof: the file was closed, or the mount is gone. Also where a daemon has died that
    /// had no keeper for it, and where several hundred notices were left unread: a new watch says which.
    pub fn next(&mut self) -> Result<Notice> {
        take(&mut self.socket)
    }
}

fn is_gone(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, UnexpectedEof};
    matches!(kind, ConnectionRefused | ConnectionReset | UnexpectedEof)
}

fn take(socket: &mut UnixStream) -> Result<Notice> {
    let mut data = [0u8; 16];
    socket.read_exact(&mut data)?;
    let field = |at: usize| u32::from_ne_bytes(data[at..at + 4].try_into().unwrap());
    match field(8) {
        0 => Ok(Notice { kind: field(0), until_forced: Duration::from_millis(field(4).into()) }),
        error => Err(io::Error::from_raw_os_error(error as i32).into()),
    }
}
