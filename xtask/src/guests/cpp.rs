//! A C++ program that is linked as users link theirs: by em++ with every warning an error, and by a CMake project.

use super::package::{Package, Platform};
use super::stamp::Inputs;
use super::{Job, files_below};
use crate::Result;
use crate::process::{capture, capture_both};
use crate::project::Project;
use crate::tools::{Emscripten, Engine, Tools};
use std::fs;
use std::path::Path;

/// The CMake project with its one source.
const SOURCE: &str = "guests/emscripten/cmake";

/// Flags of the link by hand.
const FLAGS: [&str; 5] = ["-O1", "-Wall", "-Wextra", "-Werror", "-sEXIT_RUNTIME=1"];

/// The jobs of both.
pub(super) fn jobs(project: &Project, tools: &Tools, package: &Package) -> Result<Vec<Job>> {
    let emscripten = tools.emscripten()?;
    tools.cmake()?;
    let node = tools.engine(Engine::Node20)?;
    let source = project.root.join(SOURCE);
    let mut inputs = Inputs::default();
    inputs
        .text(&emscripten.version)
        .text(&package.hash().to_string())
        .files(&files_below(&source)?)?;
    let products = project.guests().join("emscripten-cpp");
    let mut jobs = Vec::new();
    for name in ["by-hand", "app"] {
        let output = products.join(format!("{name}.js"));
        let mut inputs = inputs.clone();
        let (emscripten, package, source, node) =
            (emscripten.clone(), package.clone(), source.clone(), node.clone());
        let to = output.clone();
        jobs.push(Job {
            name: format!("emscripten C++ {name}"),
            output,
            inputs: Some(inputs.text(name).text(&format!("{FLAGS:?}")).hash()),
            make: Box::new(move || match name {
                "by-hand" => by_hand(&emscripten, &package, &source, &to),
                _ => by_cmake(&emscripten, &package, &node, &source, &to),
            }),
        });
    }
    Ok(jobs)
}

fn by_hand(emscripten: &Emscripten, package: &Package, source: &Path, output: &Path) -> Result<String> {
    let mut emcc = emscripten.emxx();
    emcc.args(FLAGS)
        .arg(source.join("app.cpp"))
        .args(package.flags(&[], Platform::Node))
        .arg("-o")
        .arg(output);
    Ok(capture_both(&mut emcc, "em++")?.1)
}

/// Configures and builds the project, which names its program itself: `output` has that name.
fn by_cmake(
    emscripten: &Emscripten,
    package: &Package,
    node: &Path,
    source: &Path,
    output: &Path,
) -> Result<String> {
    let build = output.with_extension("build");
    if build.exists() {
        fs::remove_dir_all(&build).map_err(|error| format!("{}: {error}", build.display()))?;
    }
    let products = output.parent().unwrap_or(output);
    let command = package.directory().join("bin/guestnet-emcc.cjs");
    let mut cmake = emscripten.cmake();
    cmake
        .arg("-S")
        .arg(source)
        .arg("-B")
        .arg(&build)
        .arg("-DCMAKE_BUILD_TYPE=Release")
        .arg(format!("-DCMAKE_RUNTIME_OUTPUT_DIRECTORY={}", products.display()))
        .arg(format!(
            "-DGUESTNET_EMCC={};{}",
            node.display(),
            command.display()
        ));
    capture(&mut cmake, "cmake")?;
    let mut cmake = emscripten.cmake_build();
    Ok(capture_both(cmake.arg(&build), "cmake --build")?.1)
}
