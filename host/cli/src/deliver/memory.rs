//! Files that are in memory alone, and have no name. Linux: memfd_create(2).

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};

use ptrun_host::SecretBytes;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// An open file that nobody can change any more, not even the command. It is not closed by an exec, and it is read from
/// its beginning.
pub(super) fn sealed(value: &SecretBytes) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("ptrun", MemfdFlags::ALLOW_SEALING)?);
    file.write_all(value.expose())?;
    file.rewind()?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file.into())
}

/// The same, with the path under which the command can open it as often as it likes.
pub(super) fn named(value: &SecretBytes) -> io::Result<(OwnedFd, Vec<u8>)> {
    let file = sealed(value)?;
    let path = format!("/dev/fd/{}", file.as_raw_fd()).into_bytes();
    Ok((file, path))
}
