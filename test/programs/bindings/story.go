// usage: story FILE
package main

import (
	"bufio"
	"errors"
	"fmt"
	"leasefs"
	"os"
	"strings"
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
	must(errors.Is(err, syscall.EPERM), "a pin without a lease:", err)
	var why *leasefs.Error
	must(errors.As(err, &why) && why.Rule == "N1" && why.Holder == nil && why.Remedy != "", err)
	must(err.Error() == "operation not permitted [N1]: "+why.Remedy, err)
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
	err = leasefs.SetLease(f, leasefs.None)
	must(errors.Is(err, syscall.EBUSY) && errors.As(err, &why) && why.Rule == "L5", "pins are left:", err)
	must(*why.Holder.Pin == one && why.Holder.PID == os.Getpid(), err)
	must(strings.Contains(err.Error(), fmt.Sprintf("[L5]: pin %d [0, 8192) of %d (", one, os.Getpid())), err)
	must(errors.Is(f.Truncate(0), syscall.EDEADLK), "it is pinned")
	refusal, err := leasefs.NewestRefusal(f)
	must(err == nil && refusal != nil && refusal.Rule == "X1" && refusal.Errno == "EDEADLK", refusal, err)
	must(leasefs.SetLease(f, 12345) == syscall.EINVAL, "no such kind")
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
