// SPDX-License-Identifier: MIT
//! Layout leases and pins of files of a leasefs mount. Each call is an ioctl of leasefs.h, which says what it does; an error
//! has the errno that leasefs.h names (`raw_os_error`). `mod leasefs;` includes the file: it needs nothing but std.
//!
//! ```ignore
//! let file = File::options().read(true).write(true).open("/mnt/leasefs/f")?;
//! leasefs::set_lease(&file, leasefs::EXCLUSIVE)?;
//! let pin = leasefs::pin(&file, 0, 2 << 20)?; // truncate and punch there are refused from now on
//! leasefs::unpin(&file, pin)?;
//! ```
#![allow(dead_code)]
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

pub const EXCLUSIVE: u32 = 48;
pub const SHARED: u32 = 80;
pub const EXCLUSIVE_BREAKABLE: u32 = 17;
pub const SHARED_BREAKABLE: u32 = 16;
pub const UNLCK: u32 = 2;

const ABI: u32 = 1;
const BY_DESCRIPTION: u32 = 1;
const PINS_MAX: usize = 128;

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

fn call<T>(file: &impl AsRawFd, number: u64, arg: &mut T) -> Result<()> {
    let request = 3 << 30 | (std::mem::size_of::<T>() as u64) << 16 | (b'Y' as u64) << 8 | number;
    // musl's and glibc's ioctl take the request as an int and as a long: it fits both.
    match unsafe { sys::ioctl(file.as_raw_fd(), request as _, arg as *mut T) } {
        n if n < 0 => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Takes, converts or (UNLCK) releases the lease of the file's description. EINTR: a signal came while it waited (B5).
pub fn set_lease(file: &impl AsRawFd, kind: u32) -> Result<()> {
    call(file, 0x80, &mut LeaseArg { version: ABI, kind, ..Default::default() })
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
    call(file, 0x82, &mut arg)?;
    Ok(arg.id)
}

/// As `pin`; it ends with the description `owner`, 0 being the file's own.
pub fn pin_by_description(file: &impl AsRawFd, off: u64, len: u64, owner: u64) -> Result<u64> {
    let mut arg = PinArg { version: ABI, flags: BY_DESCRIPTION, off, len, owner, ..Default::default() };
    call(file, 0x82, &mut arg)?;
    Ok(arg.id)
}

/// Removes a pin, through any file of the mount.
pub fn unpin(file: &impl AsRawFd, id: u64) -> Result<()> {
    call(file, 0x83, &mut UnpinArg { version: ABI, id, ..Default::default() })
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

/// Is notified of breaks; its descriptor is for any event loop. Dropping it ends only the watch.
pub struct Watch {
    pub socket: UnixStream,
    /// How things were when the watch began.
    pub first: Notice,
}

impl Watch {
    pub fn new(file: &impl AsRawFd) -> Result<Watch> {
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
            return Err(Error::last_os_error());
        }
        let mut socket = unsafe { UnixStream::from_raw_fd(fd) };
        if unsafe { sys::connect(fd, to.as_ptr().cast(), (3 + length) as u32) } < 0 {
            return Err(Error::last_os_error());
        }
        socket.write_all(&arg.token)?;
        let first = take(&mut socket)?;
        Ok(Watch { socket, first })
    }

    /// Waits for the next notice. UnexpectedEof: the file was closed, or the mount is gone.
    pub fn next(&mut self) -> Result<Notice> {
        take(&mut self.socket)
    }
}

fn take(socket: &mut UnixStream) -> Result<Notice> {
    let mut data = [0u8; 16];
    socket.read_exact(&mut data)?;
    let field = |at: usize| u32::from_ne_bytes(data[at..at + 4].try_into().unwrap());
    match field(8) {
        0 => Ok(Notice { kind: field(0), until_forced: Duration::from_millis(field(4).into()) }),
        error => Err(Error::from_raw_os_error(error as i32)),
    }
}
