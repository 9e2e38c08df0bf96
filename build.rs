//! Makes sure that there is a folder to embed: a build without the pages is a server without pages, not an error.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=migrations");
    std::fs::create_dir_all("web/dist")
}
