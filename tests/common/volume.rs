//! A volume as the kubelet mounts it: `..data` links to one generation of all files, and is replaced by a rename.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

pub struct Volume {
    folder: PathBuf,
    generation: usize,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Volume {
    /// Mounts these files.
    pub fn mount(folder: &Path, files: Vec<(&'static str, Vec<u8>)>) -> Self {
        for (name, _) in &files {
            symlink(format!("..data/{name}"), folder.join(name)).unwrap();
        }
        let mut new = Self { folder: folder.to_owned(), generation: 0, files };
        new.swap();
        new
    }

    /// Changes some files; the others are written again unchanged.
    pub fn update(&mut self, changed: &[(&str, &[u8])]) {
        for (name, content) in changed {
            let file = self.files.iter_mut().find(|(file, _)| file == name).unwrap();
            file.1 = content.to_vec();
        }
        self.swap();
    }

    fn swap(&mut self) {
        let (old, new) = (self.generation, self.generation + 1);
        let path = |generation: usize| self.folder.join(format!("..{generation}"));
        fs::create_dir(path(new)).unwrap();
        for (name, content) in &self.files {
            fs::write(path(new).join(name), content).unwrap();
        }
        let link = self.folder.join("..data_tmp");
        symlink(format!("..{new}"), &link).unwrap();
        fs::rename(&link, self.folder.join("..data")).unwrap();
        if old > 0 {
            fs::remove_dir_all(path(old)).unwrap();
        }
        self.generation = new;
    }
}
