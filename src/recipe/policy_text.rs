//! A recipe as a table of the policy.
//!
//! In: a recipe. Out: TOML to paste into `wheelproof.toml`. What a policy names by
//! place and a recipe by digest is given as far as the place is known.

use std::collections::BTreeMap;

use super::{Recipe, SourceTimes, ToolWheel, Umask};
use crate::filename::ProjectName;

impl Recipe {
    /// Returns the recipe as `[rebuild.projects.NAME]`, complete: no shared key of
    /// a policy changes it.
    pub fn to_policy_toml(&self, project: &ProjectName) -> String {
        let mut block = format!("[rebuild.projects.{}]\n", text(&project.to_string()));
        let mut line = |key: &str, value: &str| block.push_str(&format!("{key} = {value}\n"));
        let python = path(&self.interpreter);
        match &self.root {
            Some(root) => line(
                "interpreter",
                &format!("{{ root = {}, python = {python} }}", path(root)),
            ),
            None => line("interpreter", &python),
        }
        if let Some(sysconfig) = &self.sysconfig {
            // Named by digest, not by place.
            line(
                "# sysconfig",
                &format!(
                    "\"PLACE\"  # of the data with sha256 {}",
                    sysconfig.sha256()
                ),
            );
        }
        line(
            "source-date-epoch",
            &time_or(self.source_date_epoch, "unset"),
        );
        line("clock", &time_or(self.clock, "unset"));
        if !self.clock_steps.is_empty() {
            let steps: Vec<String> = self
                .clock_steps
                .iter()
                .map(|(ending, seconds)| format!("{} = {seconds}", text(ending)))
                .collect();
            line("clock-steps", &format!("{{ {} }}", steps.join(", ")));
        }
        line("platform", &text(self.platform.as_str()));
        let commands: Vec<String> = self
            .distutils
            .iter()
            .map(|(command, options)| format!("{} = {}", text(command), table(options)))
            .collect();
        line(
            "distutils",
            &match commands.is_empty() {
                true => "{}".to_owned(),
                false => format!("{{ {} }}", commands.join(", ")),
            },
        );
        line("umask", &text_of_umask(self.umask));
        line("source-modes", &text(self.source_modes.as_str()));
        line(
            "source-times",
            &match self.source_times {
                SourceTimes::Archive => time_or(None, "archive"),
                SourceTimes::At(seconds) => time_or(Some(seconds), "archive"),
            },
        );
        line("time-zone", &text(&self.time_zone));
        line("build-path", &path(&self.build_path));
        if let Some(map) = &self.prefix_map {
            line("prefix-map", &text(map));
        }
        line("environment", &table(&self.environment));
        let inputs: BTreeMap<String, String> = self
            .inputs
            .iter()
            .map(|input| {
                let (at, path) = (input.at.display(), input.path.display());
                (at.to_string(), path.to_string())
            })
            .collect();
        if !inputs.is_empty() {
            line("inputs", &table(&inputs));
        }
        line("pinned-tools", &pins(&self.tools));
        block
    }
}

fn pins(tools: &[ToolWheel]) -> String {
    let lines: String = tools
        .iter()
        .map(|tool| {
            let (project, version) = (tool.filename.project(), tool.filename.version());
            let pin = format!("{project}=={version} --hash=sha256:{}", tool.sha256);
            format!("    {},\n", text(&pin))
        })
        .collect();
    match lines.is_empty() {
        true => "[]".to_owned(),
        false => format!("[\n{lines}]"),
    }
}

fn text_of_umask(umask: Umask) -> String {
    text(&umask.to_string())
}

fn time_or(seconds: Option<i64>, none: &str) -> String {
    seconds.map_or_else(|| text(none), |seconds| seconds.to_string())
}

fn path(path: &std::path::Path) -> String {
    text(&path.display().to_string())
}

fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn table(entries: &BTreeMap<String, String>) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| format!("{} = {}", text(key), text(value)))
        .collect();
    match entries.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", entries.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::digest::Sha256Digest;
    use crate::filename::{SdistFilename, WheelFilename};
    use crate::policy::{Platform, Policy};
    use crate::recipe::Input;
    use crate::recipe::SourceModes;

    #[test]
    fn a_pasted_recipe_is_the_same_recipe() {
        let sha256 = Sha256Digest::of(b"tool");
        let mut recipe = Recipe::new(
            PathBuf::from("/usr/bin/python3"),
            PathBuf::from("/build/a \"b\"/x-1"),
        );
        recipe.source_date_epoch = Some(1_309_379_017);
        recipe.clock = Some(1_400_000_000);
        for (ending, seconds) in [
            (".whl", 1_400_000_004),
            (".dist-info/a \"b\"", 1_400_000_002),
        ] {
            recipe.clock_steps.insert(ending.to_owned(), seconds);
        }
        recipe.platform = Platform::Windows;
        let options = recipe
            .distutils
            .entry("bdist_wheel".to_owned())
            .or_default();
        options.insert("universal".to_owned(), "1".to_owned());
        options.insert("plat-name".to_owned(), "a \"b\"".to_owned());
        recipe.umask = Umask::from_bits(0o027);
        recipe.source_modes = SourceModes::Archive;
        recipe.source_times = SourceTimes::At(1_300_000_000);
        recipe.time_zone = "Europe/Berlin".to_owned();
        recipe.prefix_map = Some("/build".to_owned());
        recipe
            .environment
            .insert("A B".to_owned(), "x\n\"".to_owned());
        recipe.inputs.push(Input {
            at: PathBuf::from("/vendor"),
            sha256,
            path: PathBuf::from("/srv/vendor"),
        });
        recipe.tools.push(ToolWheel {
            filename: WheelFilename::parse("setuptools-57.0.0-py3-none-any.whl").expect("a name"),
            sha256,
            path: PathBuf::new(),
        });
        let project = ProjectName::parse("x").expect("a name");
        let text = recipe.to_policy_toml(&project);
        let policy = Policy::parse(Path::new("/wheelproof.toml"), &text).expect(&text);
        let read = &policy.rebuild.projects[&project];
        let pins = read.pinned_tools.as_ref().expect("tools");
        assert_eq!(pins[0].hashes, [sha256]);
        assert_eq!(pins[0].project.to_string(), "setuptools");
        let inputs = read.inputs.as_ref().expect("inputs");
        assert_eq!(inputs[Path::new("/vendor")], Path::new("/srv/vendor"));
        let sdist = SdistFilename::parse("x-1.tar.gz").expect("a name");
        let interpreter = read.interpreter.clone().expect("an interpreter").python;
        let mut again = Recipe::from_policy(read, &sdist, interpreter, recipe.tools.clone());
        again.inputs.clone_from(&recipe.inputs);
        assert_eq!(again, recipe);
    }

    #[test]
    fn what_a_recipe_leaves_unset_takes_back_what_all_projects_share() {
        let recipe = Recipe::new(PathBuf::from("/usr/bin/python3"), PathBuf::from("/b"));
        let project = ProjectName::parse("x").expect("a name");
        let text = format!(
            "[rebuild.recipe]\nsource-date-epoch = 1309379017\nclock = 1309379017\n\
             platform = \"windows\"\ndistutils = {{ build = {{ debug = \"1\" }} }}\nenvironment = {{ A = \"B\" }}\numask = \"077\"\n{}",
            recipe.to_policy_toml(&project)
        );
        let policy = Policy::parse(Path::new("/wheelproof.toml"), &text).expect(&text);
        let sdist = SdistFilename::parse("x-1.tar.gz").expect("a name");
        let of_project = policy.rebuild.recipe_of(&project);
        let again = Recipe::from_policy(
            &of_project,
            &sdist,
            PathBuf::from("/usr/bin/python3"),
            Vec::new(),
        );
        assert_eq!(again, recipe);
    }
}
