//! Compiles the contracts in proto/ without a protoc on the machine, into `$OUT_DIR`:
//!
//! - `csi.v1.rs`: messages, servers and clients, included by src/csi/proto.rs;
//! - `pluginregistration.rs`: the same of kubelet's registration, included by src/csi/registration/proto.rs;
//! - `csi_methods.rs`: the paths of all methods of CSI;
//! - `csi_debug.rs`: a `Debug` for each message with something to hide, and the list of what they hide. It is written
//!   from the descriptor, so that a field that the specification marks as secret tomorrow is hidden tomorrow.

use std::{env, error::Error, fmt::Write, fs, path::Path};

use protox::prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor, MessageDescriptor, Value};

const PROTOS: [&str; 2] = ["proto/csi.proto", "proto/pluginregistration.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    for proto in PROTOS {
        println!("cargo::rerun-if-changed={proto}");
    }
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_files(PROTOS)?;
    let guarded = guarded_messages(&compiler.descriptor_pool())?;

    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("csi_debug.rs"), render_debug(&guarded)?)?;
    fs::write(Path::new(&out).join("csi_methods.rs"), render_methods(&compiler.descriptor_pool()))?;
    tonic_prost_build::configure()
        .generate_default_stubs(true)
        .btree_map(".")
        .skip_debug(guarded.iter().map(|message| format!(".{}", message.descriptor.full_name())))
        .compile_fds(compiler.file_descriptor_set())?;
    pack_relocations();
    Ok(())
}

/// Where the machine's C library can read them so (glibc 2.36 and newer), the binary's relocations are packed: a megabyte
/// less of its file is read at each start and stays in idle memory.
fn pack_relocations() {
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let (host, built_for) = (env::var("HOST").unwrap_or_default(), env::var("TARGET").unwrap_or_default());
    let library = format!("/lib/{}-linux-gnu/libc.so.6", target("ARCH"));
    let mark = b"GLIBC_ABI_DT_RELR";
    let reads = |library: Vec<u8>| library.windows(mark.len()).any(|bytes| bytes == mark);
    if host == built_for && target("ENV") == "gnu" && fs::read(library).is_ok_and(reads) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// A message that derived `Debug` would leak from.
struct Guarded {
    descriptor: MessageDescriptor,
    fields: Vec<(FieldDescriptor, Shown)>,
}

/// How a field is shown.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Whole,
    /// Not at all.
    Stripped,
    /// Without the service account tokens that kubelet puts beside harmless keys.
    WithoutTokens,
}

fn guarded_messages(pool: &DescriptorPool) -> Result<Vec<Guarded>, Box<dyn Error>> {
    let mark = pool.get_extension_by_name("csi.v1.csi_secret").ok_or("the csi_secret option is not defined")?;
    let messages = pool.all_messages().filter(|message| !message.is_map_entry()).map(|descriptor| {
        let fields = descriptor.fields().map(|field| (field.clone(), shown(&field, &mark))).collect();
        Guarded { descriptor, fields }
    });
    Ok(messages.filter(|message| message.fields.iter().any(|(_, shown)| *shown != Shown::Whole)).collect())
}

fn shown(field: &FieldDescriptor, mark: &ExtensionDescriptor) -> Shown {
    if *field.options().get_extension(mark) == Value::Bool(true) {
        return Shown::Stripped;
    }
    match field.name() {
        // Not marked, but the specification's prose calls mount flags sensitive.
        "mount_flags" => Shown::Stripped,
        "volume_context" => Shown::WithoutTokens,
        _ => Shown::Whole,
    }
}

fn render_debug(guarded: &[Guarded]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    for Guarded { descriptor, fields } in guarded {
        let (path, name) = (rust_path(descriptor), descriptor.name());
        writeln!(out, "impl ::core::fmt::Debug for {path} {{")?;
        writeln!(out, "fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{")?;
        writeln!(out, "f.debug_struct(\"{name}\")")?;
        for (field, shown) in fields {
            let field = field.name();
            match shown {
                Shown::Whole => writeln!(out, ".field(\"{field}\", &self.{field})")?,
                Shown::Stripped => writeln!(out, ".field(\"{field}\", &crate::csi::redact::Stripped)")?,
                Shown::WithoutTokens => {
                    writeln!(out, ".field(\"{field}\", &crate::csi::redact::WithoutTokens(&self.{field}))")?;
                }
            }
        }
        writeln!(out, ".finish() }} }}")?;
    }
    Ok(out)
}

/// Each as gRPC calls it, `/csi.v1.Node/NodeStageVolume`.
fn render_methods(pool: &DescriptorPool) -> String {
    let services = pool.services().filter(|service| service.package_name() == "csi.v1");
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    let methods = methods.map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name()));
    let methods: Vec<String> = methods.collect();
    format!("pub const METHODS: [&str; {}] = {methods:?};", methods.len())
}

/// Where prost puts the message: a nested one into a module named after its parent.
fn rust_path(message: &MessageDescriptor) -> String {
    let parents = std::iter::successors(message.parent_message(), MessageDescriptor::parent_message);
    parents.fold(message.name().to_owned(), |path, parent| format!("{}::{path}", snake_case(parent.name())))
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in camel.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
