// usage: watch FILE
#[path = "../../../native/include/leasefs.rs"]
mod leasefs;

use std::fs::File;

fn line() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap();
    let file = File::options().read(true).write(true).open(path)?;
    leasefs::set_lease(&file, leasefs::SHARED_BREAKABLE)?;
    println!("leased");
    line();
    let mut watch = leasefs::Watch::new(&file)?;
    println!("watching");
    let mut notice = watch.next()?;
    println!("hears");
    line();
    leasefs::set_lease(&file, notice.kind)?;
    while !notice.until_forced.is_zero() {
        notice = watch.next()?;
    }
    println!("answered");
    Ok(())
}
