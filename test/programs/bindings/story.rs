// usage: story FILE
#[path = "../../../native/include/leasefs.rs"]
mod leasefs;
use std::fs::File;

const EPERM: i32 = 1;
const EBUSY: i32 = 16;

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap();
    let file = File::options().read(true).write(true).open(path)?;
    assert_eq!(leasefs::pin(&file, 0, 4096).unwrap_err().raw_os_error(), Some(EPERM));
    leasefs::set_lease(&file, leasefs::EXCLUSIVE)?;
    assert_eq!(leasefs::get_lease(&file)?.kind, leasefs::EXCLUSIVE);
    let ids = [leasefs::pin(&file, 0, 8192)?, leasefs::pin_by_description(&file, 8192, 1, 0)?];
    let pins = leasefs::pins(&file)?;
    assert_eq!(pins.iter().map(|pin| pin.id).collect::<Vec<_>>(), ids);
    assert_eq!((pins[0].len, pins[0].pid as u32), (8192, std::process::id()));
    assert_eq!((pins[1].off, pins[1].flags & 1), (8192, 1));
    println!("pinned");
    std::io::stdin().read_line(&mut String::new())?;
    assert_eq!(leasefs::set_lease(&file, leasefs::UNLCK).unwrap_err().raw_os_error(), Some(EBUSY));
    for id in ids {
        leasefs::unpin(&file, id)?;
    }
    leasefs::set_lease(&file, leasefs::SHARED_BREAKABLE)?;
    let mut watch = leasefs::Watch::new(&file)?;
    assert_eq!((watch.first.kind, watch.first.until_forced.is_zero()), (leasefs::SHARED_BREAKABLE, true));
    println!("watching");
    let notice = watch.next()?;
    assert_eq!((notice.kind, notice.until_forced.is_zero()), (leasefs::UNLCK, false));
    leasefs::set_lease(&file, notice.kind)?;
    let over = watch.next()?;
    assert_eq!((over.kind, over.until_forced.is_zero()), (leasefs::UNLCK, true));
    println!("answered");
    Ok(())
}
