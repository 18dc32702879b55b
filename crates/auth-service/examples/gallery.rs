//! Writes every page and mail to a folder, to be looked at: `cargo run -p auth-service --example gallery -- FOLDER`.
//! Serve the folder at the root of a host (`python3 -m http.server`), since pages ask for `/static/`.

#[path = "../tests/it/gallery.rs"]
mod gallery;
#[path = "../tests/it/mail_gallery.rs"]
mod mail_gallery;

use std::path::PathBuf;
use std::{env, fs, io};

use auth_service::branding::Branding;
use auth_service::locale::Locale;
use auth_service::views::{assets, brand_stylesheet};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map_or_else(|| env::temp_dir().join("keyward-gallery"), PathBuf::from);
    let branding = Branding { support_contact: Some("help@example.com".to_owned()), ..Branding::default() };
    fs::create_dir_all(folder.join("static"))?;
    for asset in assets::ASSETS {
        fs::write(folder.join(asset.path.trim_start_matches('/')), asset.bytes)?;
    }
    fs::write(folder.join("static/brand.css"), brand_stylesheet(&branding))?;
    for locale in Locale::ALL {
        let at = |name: &str, kind: &str| folder.join(format!("{name}.{}.{kind}", locale.tag()));
        for (name, html) in gallery::pages(locale, &branding, gallery::CALM) {
            fs::write(at(name, "html"), html)?;
        }
        for (name, mail) in mail_gallery::mails(locale, &branding, gallery::CALM) {
            fs::write(at(name, "html"), mail.html)?;
            fs::write(at(name, "txt"), format!("{}\n\n{}", mail.subject, mail.text))?;
        }
    }
    println!("{}", folder.display());
    Ok(())
}
