// lease.go - the proposal's calls from Go, by many goroutines at once, each on a file of its own.
//
//	lease DIRECTORY GOROUTINES
//
// Each takes an exclusive layout lease, sees it, is refused a second one, cuts its file and gives the lease back. Prints
// what differed; exit 1 if anything did.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

const (
	setLease  = 1024 // F_SETLEASE
	getLease  = 1025 // F_GETLEASE
	exclusive = 16 | 32
	none      = 2 // F_UNLCK
)

func fcntl(f *os.File, cmd, arg int) (int, error) {
	r, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), uintptr(cmd), uintptr(arg))
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// The first thing that is not as the proposal has it.
func story(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 8192)); err != nil {
		return err
	}
	if _, err := fcntl(f, setLease, exclusive); err != nil {
		return fmt.Errorf("F_SETLEASE: %w", err)
	}
	if kind, err := fcntl(f, getLease, 0); err != nil || kind != exclusive {
		return fmt.Errorf("F_GETLEASE: %d, %v", kind, err)
	}
	other, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer other.Close()
	if _, err := fcntl(other, setLease, exclusive); err != syscall.EAGAIN {
		return fmt.Errorf("a second lease: %v", err)
	}
	if err := f.Truncate(4096); err != nil {
		return fmt.Errorf("its owner cuts the file: %w", err)
	}
	if _, err := fcntl(f, setLease, none); err != nil {
		return fmt.Errorf("F_UNLCK: %w", err)
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: lease DIRECTORY GOROUTINES")
		os.Exit(2)
	}
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "lease: goroutines:", err)
		os.Exit(2)
	}
	var wait sync.WaitGroup
	answers := make(chan error, count)
	for i := 0; i < count; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			if err := story(filepath.Join(os.Args[1], fmt.Sprintf("go-%d", i))); err != nil {
				answers <- err
			}
		}(i)
	}
	wait.Wait()
	close(answers)
	code := 0
	for err := range answers {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}
