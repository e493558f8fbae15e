// usage: story FILE
#[path = "../../../native/include/leasefs.rs"]
mod leasefs;
use std::fs::File;

const EPERM: i32 = 1;
const EBUSY: i32 = 16;

const EDEADLK: i32 = 35;

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap();
    let file = File::options().read(true).write(true).open(path)?;
    let error = leasefs::pin(&file, 0, 4096).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(EPERM));
    let refusal = error.refusal.as_ref().unwrap();
    assert_eq!((refusal.rule.as_str(), &refusal.holder), ("N1", &None));
    let text = format!("Operation not permitted (os error 1) [N1]: {}", refusal.remedy.as_ref().unwrap());
    assert_eq!(error.to_string(), text);
    leasefs::set_lease(&file, leasefs::EXCLUSIVE)?;
    assert_eq!(leasefs::get_lease(&file)?.kind, leasefs::EXCLUSIVE);
    let ids = [leasefs::pin(&file, 0, 8192)?, leasefs::pin_by_description(&file, 8192, 1, 0)?];
    let pins = leasefs::pins(&file)?;
    assert_eq!(pins.iter().map(|pin| pin.id).collect::<Vec<_>>(), ids);
    assert_eq!((pins[0].len, pins[0].pid as u32), (8192, std::process::id()));
    assert_eq!((pins[1].off, pins[1].flags & 1), (8192, 1));
    println!("pinned");
    std::io::stdin().read_line(&mut String::new())?;
    let error = leasefs::set_lease(&file, leasefs::UNLCK).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(EBUSY));
    let holder = error.refusal.as_ref().unwrap().holder.as_ref().unwrap();
    assert_eq!((holder.pin, holder.pid, holder.len), (Some(ids[0]), std::process::id().into(), 8192));
    let text = format!("[L5]: pin {} [0, 8192) of {} (story-rust); ", ids[0], std::process::id());
    assert!(error.to_string().contains(&text), "{error}");
    assert_eq!(file.set_len(0).unwrap_err().raw_os_error(), Some(EDEADLK));
    assert_eq!(leasefs::refusal(&file)?.unwrap().rule, "X1");
    let error = leasefs::set_lease(&file, 12345).unwrap_err();
    assert_eq!(error.to_string(), "Invalid argument (os error 22)");
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
