#include "permit/env.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/bytes.h"

namespace writ::permit {
namespace {

using std::string_view_literals::operator""sv;

// Loader and interpreter controls. A name belongs here when its value can make a granted program
// load other code, run a command, or read start-up files that hold commands. Plain search paths of
// programs (PATH, COMPILER_PATH) do not: what is found there passes the exec gate.
constexpr std::array kControls{
    // dynamic loader, C library, sanitizers, crypto library
    "LD_*"sv, "GCONV_PATH"sv, "GLIBC_TUNABLES"sv, "GETCONF_DIR"sv, "HOSTALIASES"sv, "LOCALDOMAIN"sv,
    "LOCPATH"sv, "MUSL_LOCPATH"sv, "MALLOC_*"sv, "NIS_PATH"sv, "NLSPATH"sv, "RES_OPTIONS"sv,
    "RESOLV_*"sv, "TZDIR"sv, "ASAN_OPTIONS"sv, "LSAN_OPTIONS"sv, "MSAN_OPTIONS"sv, "TSAN_OPTIONS"sv,
    "UBSAN_OPTIONS"sv, "OPENSSL_CONF"sv, "OPENSSL_ENGINES"sv, "OPENSSL_MODULES"sv,
    // shells
    "BASH_ENV"sv, "BASH_FUNC_*"sv, "BASH_LOADABLES_PATH"sv, "BASH_XTRACEFD"sv, "BASHOPTS"sv,
    "CDPATH"sv, "ENV"sv, "EXECIGNORE"sv, "FCEDIT"sv, "FPATH"sv, "GLOBIGNORE"sv, "IFS"sv,
    "INPUTRC"sv, "PROMPT_COMMAND"sv, "PS0"sv, "PS1"sv, "PS2"sv, "PS4"sv, "SHELLOPTS"sv, "ZDOTDIR"sv,
    // interpreters
    "PYTHON*"sv, "PIP_*"sv, "PERL*"sv, "RUBY*"sv, "GEM_HOME"sv, "GEM_PATH"sv, "BUNDLE_*"sv,
    "NODE_EXTRA_CA_CERTS"sv, "NODE_OPTIONS"sv, "NODE_PATH"sv, "NODE_REPL_EXTERNAL_MODULE"sv,
    "NODE_V8_COVERAGE"sv, "ELECTRON_RUN_AS_NODE"sv, "NPM_CONFIG_*"sv, "npm_config_*"sv,
    "JAVA_TOOL_OPTIONS"sv, "JDK_JAVA_OPTIONS"sv, "_JAVA_OPTIONS"sv, "CLASSPATH"sv, "ANT_ARGS"sv,
    "ANT_OPTS"sv, "GRADLE_OPTS"sv, "MAVEN_ARGS"sv, "MAVEN_OPTS"sv, "SBT_OPTS"sv, "PHPRC"sv,
    "PHP_INI_SCAN_DIR"sv, "LUA_*"sv, "TCLLIBPATH"sv, "TCL_LIBRARY"sv, "TK_LIBRARY"sv, "R_HOME"sv,
    "R_ENVIRON*"sv, "R_LIBS*"sv, "R_PROFILE*"sv, "GUILE_*"sv, "EMACSLOADPATH"sv, "JULIA_*"sv,
    "GHCRTS"sv, "GHC_PACKAGE_PATH"sv, "OCAMLRUNPARAM"sv, "CAMLRUNPARAM"sv, "CAML_LD_LIBRARY_PATH"sv,
    "ERL_*"sv, "ELIXIR_ERL_OPTIONS"sv, "DOTNET_*"sv, "CORECLR_*"sv, "COR_*"sv, "MONO_*"sv,
    "AWKPATH"sv, "AWKLIBPATH"sv, "M4PATH"sv,
    // build tools
    "MAKEFILES"sv, "GNUMAKEFLAGS"sv, "CONFIG_SITE"sv, "CCACHE_COMPILER"sv, "CCACHE_CONFIGPATH"sv,
    "CCACHE_PATH"sv, "CCACHE_PREFIX*"sv, "GOENV"sv, "GOFLAGS"sv, "GOROOT"sv, "GOTOOLCHAIN"sv,
    "RUSTC_WORKSPACE_WRAPPER"sv, "RUSTC_WRAPPER"sv, "CARGO_BUILD_RUSTC*"sv,
    // git and other version control
    "GIT_ALLOW_PROTOCOL"sv, "GIT_ASKPASS"sv, "GIT_COMMON_DIR"sv, "GIT_CONFIG"sv, "GIT_CONFIG_*"sv,
    "GIT_DIR"sv, "GIT_EDITOR"sv, "GIT_EXEC_PATH"sv, "GIT_EXTERNAL_DIFF"sv, "GIT_PAGER"sv,
    "GIT_PROXY_COMMAND"sv, "GIT_SEQUENCE_EDITOR"sv, "GIT_SSH"sv, "GIT_SSH_COMMAND"sv,
    "GIT_SSH_VARIANT"sv, "GIT_TEMPLATE_DIR"sv, "CVS_RSH"sv, "SVN_SSH"sv, "SVN_EDITOR"sv,
    "HGEDITOR"sv, "HGMERGE"sv, "HGRCPATH"sv,
    // commands that other programs start
    "BROWSER"sv, "EDITOR"sv, "VISUAL"sv, "PAGER"sv, "MANPAGER"sv, "LESS"sv, "LESSCLOSE"sv,
    "LESSEDIT"sv, "LESSKEY*"sv, "LESSOPEN"sv, "MORE"sv, "SSH_ASKPASS"sv, "SUDO_ASKPASS"sv,
    "SUDO_EDITOR"sv, "SYSTEMD_EDITOR"sv, "SYSTEMD_PAGER"sv, "RSYNC_CONNECT_PROG"sv, "RSYNC_RSH"sv,
    "BORG_RSH"sv, "TAR_OPTIONS"sv, "PSQLRC"sv, "PSQL_EDITOR"sv, "PSQL_PAGER"sv, "EXINIT"sv,
    "GVIMINIT"sv, "MYVIMRC"sv, "VIM"sv, "VIMINIT"sv, "VIMRUNTIME"sv, "TERMCAP"sv, "TERMINFO"sv,
    "TERMINFO_DIRS"sv, "CURL_HOME"sv, "SYSTEM_WGETRC"sv, "WGETRC"sv, "VALGRIND_*"sv,
    "QEMU_LD_PREFIX"sv, "QEMU_SET_ENV"sv, "FAKECHROOT*"sv,
    // tools whose configuration names commands
    "ANSIBLE_*"sv, "AWS_CONFIG_FILE"sv, "DOCKER_CONFIG"sv, "HELM_PLUGINS"sv, "KUBECONFIG"sv,
    "KUBECTL_EXTERNAL_DIFF"sv, "KUBE_EDITOR"sv, "MYSQL_HOME"sv, "PGSERVICEFILE"sv, "PGSYSCONFDIR"sv,
    "TF_CLI_*"sv,
    // plug-ins of desktop and graphics libraries
    "GDK_PIXBUF_MODULE_FILE"sv, "GIO_EXTRA_MODULES"sv, "GIO_MODULE_DIR"sv, "GST_PLUGIN_*"sv,
    "GTK3_MODULES"sv, "GTK_MODULES"sv, "GTK_PATH"sv, "LIBGL_DRIVERS_PATH"sv, "QML2_IMPORT_PATH"sv,
    "QML_IMPORT_PATH"sv, "QT_PLUGIN_PATH"sv, "QT_QPA_PLATFORM_PLUGIN_PATH"sv, "VK_*"sv,
    "OCL_ICD_*"sv, "ALSA_CONFIG_*"sv, "LADSPA_PATH"sv};

bool covers(std::string_view listed, std::string_view name) {
  if (listed.back() != '*') return listed == name;
  listed.remove_suffix(1);
  return name.substr(0, listed.size()) == listed;
}

struct Variable {
  std::string_view name;
  std::string_view value;
};

// split reads NAME=value; nothing for another form.
std::optional<Variable> split(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  return Variable{text.substr(0, equals), text.substr(equals + 1)};
}

Denial refusal(std::string_view asked, std::string because, std::string allow) {
  return {Reason::EnvNotGranted, std::string(asked), std::move(because), std::move(allow)};
}

}  // namespace

Result<EnvEntry> parse_env_entry(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return Error(Code::Malformed, "environment entry `" + printable(text, 80) + "`: " + why);
  };
  if (text.size() > kMaxEnvEntryText) {
    return wrong("longer than " + std::to_string(kMaxEnvEntryText) + " bytes");
  }
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    return wrong("not UTF-8 text without NUL");
  }
  EnvEntry entry;
  if (const std::size_t equals = text.find('='); equals != std::string_view::npos) {
    entry.name = std::string(text.substr(0, equals));
    entry.value = std::string(text.substr(equals + 1));
  } else {
    entry.prefix = !text.empty() && text.back() == '*';
    entry.name = std::string(text.substr(0, text.size() - (entry.prefix ? 1 : 0)));
  }
  if (entry.name.empty()) return wrong("a name is missing");
  if (entry.name.find('*') != std::string::npos)
    return wrong("`*` stands at the end of a name only");
  if (!entry.value && is_control(entry.name)) {
    return wrong("steers loaders or interpreters, so it needs its exact value: NAME=value");
  }
  return entry;
}

std::string print(const EnvEntry& entry) {
  if (entry.value) return entry.name + "=" + *entry.value;
  return entry.prefix ? entry.name + "*" : entry.name;
}

std::span<const EnvEntry> default_env() {
  static const std::array<EnvEntry, 14> entries{{{"PATH", false, {}},
                                                 {"HOME", false, {}},
                                                 {"USER", false, {}},
                                                 {"LOGNAME", false, {}},
                                                 {"SHELL", false, {}},
                                                 {"LANG", false, {}},
                                                 {"LC_", true, {}},
                                                 {"TZ", false, {}},
                                                 {"TERM", false, {}},
                                                 {"TMPDIR", false, {}},
                                                 {"PWD", false, {}},
                                                 {"OLDPWD", false, {}},
                                                 {"SHLVL", false, {}},
                                                 {"_", false, {}}}};
  return entries;
}

bool is_control(std::string_view name) {
  return std::any_of(kControls.begin(), kControls.end(),
                     [&](std::string_view listed) { return covers(listed, name); });
}

std::span<const std::string_view> control_names() {
  return kControls;
}

bool allows(std::span<const EnvEntry> entries, std::string_view name, std::string_view value) {
  const bool control = is_control(name);
  return std::any_of(entries.begin(), entries.end(), [&](const EnvEntry& entry) {
    if (entry.value) return entry.name == name && *entry.value == value;
    if (control) return false;
    return entry.prefix ? name.substr(0, entry.name.size()) == entry.name : entry.name == name;
  });
}

std::optional<Denial> check_env(std::span<const EnvEntry> entries,
                                std::span<const std::string> environment, std::string_view asked) {
  std::set<std::string_view> seen;
  for (const std::string& text : environment) {
    const std::optional<Variable> variable = split(text);
    if (!variable) {
      return refusal(asked, "the environment holds `" + printable(text, 40) + "`, not NAME=value",
                     "start the program with a well-formed environment");
    }
    const std::string name = printable(variable->name, 80);
    if (!seen.insert(variable->name).second) {
      return refusal(asked, "the environment holds " + name + " twice",
                     "start the program with each variable once");
    }
    if (allows(entries, variable->name, variable->value)) continue;
    if (is_control(variable->name)) {
      return refusal(asked,
                     name + " steers loaders or interpreters; no rule gives this exact value",
                     "env = [\"" + name + "=…\"], the value written out");
    }
    return refusal(asked, "the environment variable " + name + " is not granted to this program",
                   "env = [\"" + name + "\"]");
  }
  return std::nullopt;
}

std::vector<std::string> clean_env(std::span<const EnvEntry> entries,
                                   std::span<const std::string> environment) {
  std::set<std::string_view> seen;
  std::vector<std::string> kept;
  for (const std::string& text : environment) {
    const std::optional<Variable> variable = split(text);
    if (!variable || !allows(entries, variable->name, variable->value)) continue;
    if (seen.insert(variable->name).second) kept.push_back(text);
  }
  return kept;
}

bool within_env(std::span<const EnvEntry> child, std::span<const EnvEntry> parent) {
  return std::all_of(child.begin(), child.end(), [&](const EnvEntry& entry) {
    if (entry.value) return allows(parent, entry.name, *entry.value);
    if (!entry.prefix && is_control(entry.name)) return true;  // lets nothing through
    return std::any_of(parent.begin(), parent.end(), [&](const EnvEntry& other) {
      if (other.value) return false;
      if (!other.prefix) return !entry.prefix && other.name == entry.name;
      return entry.name.substr(0, other.name.size()) == other.name;
    });
  });
}

}  // namespace writ::permit
