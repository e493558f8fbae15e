// usage: story FILE
package main

import (
	"bufio"
	"fmt"
	"leasefs"
	"os"
	"syscall"
)

func must(holds bool, what ...any) {
	if !holds {
		fmt.Fprintln(os.Stderr, what...)
		os.Exit(1)
	}
}

func main() {
	f, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	must(err == nil, err)
	_, err = leasefs.Pin(f, 0, 4096)
	must(err == syscall.EPERM, "a pin without a lease:", err)
	err = leasefs.SetLease(f, leasefs.Exclusive)
	must(err == nil, err)
	lease, err := leasefs.GetLease(f)
	must(err == nil && lease.Kind == leasefs.Exclusive, lease, err)
	one, err := leasefs.Pin(f, 0, 8192)
	must(err == nil, err)
	two, err := leasefs.PinByDescription(f, 8192, 1, 0)
	must(err == nil, err)
	pins, err := leasefs.Pins(f)
	must(err == nil && len(pins) == 2, pins, err)
	must(pins[0].ID == one && pins[0].Len == 8192 && int(pins[0].PID) == os.Getpid(), pins)
	must(pins[1].ID == two && pins[1].Off == 8192 && pins[1].Flags&1 == 1, pins)
	fmt.Println("pinned")
	bufio.NewReader(os.Stdin).ReadString('\n')
	must(leasefs.SetLease(f, leasefs.None) == syscall.EBUSY, "pins are left")
	must(leasefs.Unpin(f, one) == nil && leasefs.Unpin(f, two) == nil, "unpin")
	err = leasefs.SetLease(f, leasefs.SharedBreakable)
	must(err == nil, err)
	watch, err := leasefs.NewWatch(f)
	must(err == nil, err)
	must(watch.First == leasefs.Notice{Kind: leasefs.SharedBreakable}, watch.First)
	fmt.Println("watching")
	notice, err := watch.Next()
	must(err == nil && notice.Kind == leasefs.None && notice.Break > 0, notice, err)
	err = leasefs.SetLease(f, notice.Kind)
	must(err == nil, err)
	notice, err = watch.Next()
	must(err == nil && notice == leasefs.Notice{Kind: leasefs.None}, notice, err)
	fmt.Println("answered")
}
