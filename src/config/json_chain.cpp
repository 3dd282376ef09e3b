#include "aero/config/json_chain.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace aero {
namespace {

namespace fs = std::filesystem;

/// A chain this long is a mistake even where no file comes twice.
constexpr std::size_t max_chain = 32;

std::string identity_of(const fs::path& file) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(file, error);
  return (error ? file.lexically_normal() : canonical).string();
}

class ChainReader {
 public:
  ChainReader(const ChainRules& rules, Faults& faults) : rules_(rules), faults_(faults) {}

  void read(const JsonFile& file) {
    auto root = read_object(file, rules_.kind, faults_);
    if (!root) return;
    const auto extends = std::ranges::find(root->members, "extends", &JsonMember::key);
    if (extends != root->members.end() && extends->value.kind == JsonValue::Kind::text) {
      chain_.push_back(file.identity);
      read_base(extends->value, file);
      chain_.pop_back();
    }
    layers_.push_back({file.source, *std::move(root)});
  }

  std::vector<JsonLayer> take() { return std::move(layers_); }

 private:
  void read_base(const JsonValue& value, const JsonFile& by) {
    const auto refuse = [&](const std::string& message) {
      faults_.add_unreadable(by.source, fmt::format("extends: {}: {}", value.shown(), message));
    };
    if (value.text.empty()) return refuse("names no file; remove this key");
    JsonFile base;
    try {
      base = rules_.open(value.text, by);
    } catch (const Error& error) {
      return refuse(error.what());
    }
    if (std::ranges::find(chain_, base.identity) != chain_.end()) {
      return refuse("a file cannot extend itself, neither directly nor through its base");
    }
    if (chain_.size() == max_chain) {
      return refuse(fmt::format("more than {} files extend one another", max_chain));
    }
    read(base);
  }

  const ChainRules& rules_;
  Faults& faults_;
  std::vector<std::string> chain_;
  std::vector<JsonLayer> layers_;
};

}  // namespace

JsonFile open_json_file(const fs::path& file) {
  return {file.string(), read_file(file), file.parent_path(), identity_of(file)};
}

std::optional<JsonValue> read_object(const JsonFile& file, const JsonKind& kind, Faults& faults) {
  const auto refuse = [&](const std::string& message) {
    faults.add_unreadable(file.source, message);
    return std::nullopt;
  };
  if (file.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return refuse(fmt::format("the file is empty; {}", kind.if_empty));
  }
  try {
    JsonValue root = parse_json(file.text);
    if (root.kind == JsonValue::Kind::object) return root;
    return refuse(fmt::format("{}: {} is an object {{...}}, not {}", root.shown(), kind.what,
                              root.kind_text()));
  } catch (const JsonError& error) {
    return refuse(error.what());
  }
}

std::vector<JsonLayer> read_chain(const JsonFile& file, const ChainRules& rules, Faults& faults) {
  ChainReader reader(rules, faults);
  reader.read(file);
  return reader.take();
}

}  // namespace aero
