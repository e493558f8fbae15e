// SPDX-License-Identifier: MIT

// Package leasefs has the layout leases and pins of files of a leasefs mount.
// Each call is an ioctl of leasefs.h, which says what it does; an error wraps
// the syscall.Errno that leasefs.h names (errors.Is). Where a rule refused the
// call it is an *Error, with the rule, the holder and the remedy (errors.As).
// Copy the file into your module: it needs nothing but the standard library.
//
//	f, err := os.OpenFile("/mnt/leasefs/f", os.O_RDWR, 0)
//	err = leasefs.SetLease(f, leasefs.Exclusive)
//	pin, err := leasefs.Pin(f, 0, 2<<20) // truncate and punch there are refused from now on
//	err = leasefs.Unpin(f, pin)
package leasefs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Kinds of lease.
const (
	Exclusive          = 48
	Shared             = 80
	ExclusiveBreakable = 17
	SharedBreakable    = 16
	None               = 2
)

const (
	abi           = 1
	byDescription = 1
	pinsMax       = 128
	reportRefusal = 4
	reportMax     = 16000
)

type lease struct {
	version, kind, flags uint32
	signal               int32
	cookie, description  uint64
	breakMs              uint32
	_                    [5]uint32
}

type pin struct {
	version, flags      uint32
	off, len, owner, id uint64
	_                   [2]uint64
}

type unpin struct {
	version, flags uint32
	id             uint64
	count          uint32
	_              [3]uint32
}

type list struct {
	version, count  uint32
	after, total, _ uint64
	pins            [pinsMax]PinInfo
}

type report struct {
	version, what, off, len, size uint32
	_                             [3]uint32
	data                          [reportMax]byte
}

type watch struct {
	version uint32
	_       [5]uint32
	token   [8]byte
	address [96]byte
}

// PinInfo is a pin of a file.
type PinInfo struct {
	ID       uint64
	Off, Len uint64 // bytes, rounded to blocks of 4096
	PID      int32
	Flags    uint32 // 1: of a description, 2: made by this process, 4: its lease is a zombie
}

// Lease is the lease of an open file description.
type Lease struct {
	Kind        uint32        // during a break: what it must become [L8]
	Break       time.Duration // until a break is forced; 0: no break is pending
	Description uint64        // names the description as a pin's owner; keep it secret
}

// Holder is the lease that refuses a call, or the pin under it.
type Holder struct {
	PID     int // 0: not known
	Command string
	UID     int
	Kind    string // of the lease, as `leasefs leases` has it
	Lease   uint64
	Zombie  bool
	Pin     *uint64 // nil: a lease; 0: a pin of the kernel's
	Off     uint64  // of the pin, bytes
	Len     uint64
}

// Refusal says why a rule refused a call.
type Refusal struct {
	Time   int64 // ms since 1970
	Call   string
	Errno  string  // 'EBUSY'
	Rule   string  // `leasefs explain X1` prints it
	Holder *Holder // nil: none
	Remedy string  // what the caller can do; "": nothing
}

// Error is a call that a rule refused.
type Error struct {
	syscall.Errno
	Refusal
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%v [%s]", e.Errno, e.Rule)
	before := ": "
	if h := e.Holder; h != nil {
		text += before + h.String()
		before = "; "
	}
	if e.Remedy != "" {
		text += before + e.Remedy
	}
	return text
}

// Unwrap answers the errno.
func (e *Error) Unwrap() error { return e.Errno }

func (h *Holder) String() string {
	by := "an unidentified process"
	if h.PID != 0 {
		by = fmt.Sprintf("%d (%s)", h.PID, h.Command)
	}
	switch {
	case h.Pin == nil:
		return fmt.Sprintf("'%s' lease %d of %s", h.Kind, h.Lease, by)
	case *h.Pin == 0:
		return fmt.Sprintf("kernel pin [%d, %d) of %s", h.Off, h.Off+h.Len, by)
	}
	return fmt.Sprintf("pin %d [%d, %d) of %s", *h.Pin, h.Off, h.Off+h.Len, by)
}

// NewestRefusal answers this process's newest call on the file that a rule refused, also of Truncate and Write; nil: none
// that is kept.
func NewestRefusal(f *os.File) (*Refusal, error) {
	r := report{version: abi, what: reportRefusal}
	var text []byte
	for {
		r.off = uint32(len(text))
		if err := ioctl(f, 0x85, unsafe.Sizeof(r), unsafe.Pointer(&r)); err != nil {
			return nil, err
		}
		text = append(text, r.data[:r.len]...)
		if r.len == 0 || uint32(len(text)) >= r.size {
			break
		}
	}
	var found struct{ Refusal *Refusal }
	err := json.Unmarshal(text, &found)
	return found.Refusal, err
}

// reasoned is ioctl, with the reason of a refusal.
func reasoned(f *os.File, number, size uintptr, data unsafe.Pointer) error {
	since := time.Now().UnixNano() / 1e6
	err := ioctl(f, number, size, data)
	errno, is := err.(syscall.Errno)
	if !is || errno == syscall.ENOTTY || errno == syscall.ENOTCONN {
		return err
	}
	found, _ := NewestRefusal(f)
	if found == nil || found.Time < since || names[errno] != found.Errno {
		return err
	}
	return &Error{errno, *found}
}

// Those that rules answer.
var names = map[syscall.Errno]string{
	syscall.EPERM: "EPERM", syscall.EACCES: "EACCES", syscall.EINVAL: "EINVAL", syscall.EBADF: "EBADF",
	syscall.EBUSY: "EBUSY", syscall.EAGAIN: "EAGAIN", syscall.EDEADLK: "EDEADLK", syscall.ENOLCK: "ENOLCK",
	syscall.ENOENT: "ENOENT", syscall.EFAULT: "EFAULT", syscall.ENOMEM: "ENOMEM", syscall.ENOSPC: "ENOSPC",
	syscall.ETXTBSY: "ETXTBSY",
}

// ioctl calls again after EINTR: the runtime sends signals to its threads (SIGURG), and a call that waits for a break
// begins anew.
func ioctl(f *os.File, number, size uintptr, data unsafe.Pointer) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	errno := syscall.EINTR
	request := 3<<30 | size<<16 | 'Y'<<8 | number
	err = conn.Control(func(fd uintptr) {
		for errno == syscall.EINTR {
			_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(data))
		}
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// SetLease takes, converts or (None) releases the lease of the file's description.
func SetLease(f *os.File, kind uint32) error {
	l := lease{version: abi, kind: kind}
	return reasoned(f, 0x80, unsafe.Sizeof(l), unsafe.Pointer(&l))
}

// GetLease answers the lease of the file's description; its kind is None where there is none.
func GetLease(f *os.File) (Lease, error) {
	l := lease{version: abi}
	err := ioctl(f, 0x81, unsafe.Sizeof(l), unsafe.Pointer(&l))
	return Lease{l.kind, time.Duration(l.breakMs) * time.Millisecond, l.description}, err
}

// Pin protects bytes [off, off+len) until Unpin or the end of this process, and answers the pin's id.
func Pin(f *os.File, off, len uint64) (uint64, error) {
	p := pin{version: abi, off: off, len: len}
	err := reasoned(f, 0x82, unsafe.Sizeof(p), unsafe.Pointer(&p))
	return p.id, err
}

// PinByDescription is as Pin; the pin ends with the description `owner`, 0 being the file's own.
func PinByDescription(f *os.File, off, len, owner uint64) (uint64, error) {
	p := pin{version: abi, flags: byDescription, off: off, len: len, owner: owner}
	err := reasoned(f, 0x82, unsafe.Sizeof(p), unsafe.Pointer(&p))
	return p.id, err
}

// Unpin removes a pin, through any file of the mount.
func Unpin(f *os.File, id uint64) error {
	u := unpin{version: abi, id: id}
	return reasoned(f, 0x83, unsafe.Sizeof(u), unsafe.Pointer(&u))
}

// Pins lists the pins of the file in the order of their ids.
func Pins(f *os.File) ([]PinInfo, error) {
	var found []PinInfo
	l := list{version: abi}
	for {
		if err := ioctl(f, 0x84, unsafe.Sizeof(l), unsafe.Pointer(&l)); err != nil {
			return nil, err
		}
		found = append(found, l.pins[:l.count]...)
		if l.count < pinsMax {
			return found, nil
		}
		l.after = found[len(found)-1].ID
	}
}

// Notice says what a lease must become within Break, or with Break 0 what it is.
type Notice struct {
	Kind  uint32
	Break time.Duration
}

// Watch is notified of breaks. Close ends only the watch. On a mount with a
// keeper it goes on when the daemon dies, and the next daemon repeats the
// notice of a break that is pending.
type Watch struct {
	net.Conn
	// First says how things were when the watch began.
	First Notice
}

// NewWatch makes a watch of the file's description.
func NewWatch(f *os.File) (*Watch, error) {
	for left := 2; ; left-- {
		made, err := newWatch(f)
		// The daemon may have died since it answered, and another one serves the mount.
		if err == nil || left == 0 || !isGone(err) {
			return made, err
		}
	}
}

func isGone(err error) bool {
	for _, one := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, io.EOF} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

func newWatch(f *os.File) (*Watch, error) {
	w := watch{version: abi}
	if err := ioctl(f, 0x87, unsafe.Sizeof(w), unsafe.Pointer(&w)); err != nil {
		return nil, err
	}
	end := 0
	for end < len(w.address) && w.address[end] != 0 {
		end++
	}
	conn, err := net.Dial("unix", "@"+string(w.address[:end]))
	if err != nil {
		return nil, err
	}
	made := &Watch{Conn: conn}
	// EPIPE: a daemon that refuses the watch may have sent the reason first.
	if _, err = conn.Write(w.token[:]); err == nil || errors.Is(err, syscall.EPIPE) {
		made.First, err = made.Next()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return made, nil
}

// Next waits for the next notice; io.EOF: the file was closed, or the mount is gone.
// Also where a daemon has died that had no keeper for it, and where several hundred
// notices were left unread: a new watch says which.
func (w *Watch) Next() (Notice, error) {
	var n struct {
		kind, breakMs uint32
		error         int32
		readable      uint32
	}
	if _, err := io.ReadFull(w.Conn, (*[16]byte)(unsafe.Pointer(&n))[:]); err != nil {
		return Notice{}, err
	}
	if n.error != 0 {
		return Notice{}, syscall.Errno(n.error)
	}
	return Notice{n.kind, time.Duration(n.breakMs) * time.Millisecond}, nil
}
