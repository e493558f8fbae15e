// usage: watch FILE
package main

import (
	"bufio"
	"fmt"
	"leasefs"
	"os"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	in := bufio.NewReader(os.Stdin)
	f, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	must(err)
	must(leasefs.SetLease(f, leasefs.SharedBreakable))
	fmt.Println("leased")
	in.ReadString('\n')
	watch, err := leasefs.NewWatch(f)
	must(err)
	fmt.Println("watching")
	notice, err := watch.Next()
	must(err)
	fmt.Println("hears")
	in.ReadString('\n')
	must(leasefs.SetLease(f, notice.Kind))
	for notice.Break > 0 {
		notice, err = watch.Next()
		must(err)
	}
	fmt.Println("answered")
}
