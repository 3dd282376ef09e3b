#include "aero/checkpoint/training_state.h"

#include "aero/core/checksum.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <limits>

namespace aero::checkpoint {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t format_version = 1;

/// Names for numbers that JSON lacks. A loss can be one of them, and that result is kept.
const std::array<std::pair<const char*, double>, 3> named_numbers = {{
    {"NaN", std::numeric_limits<double>::quiet_NaN()},
    {"Infinity", std::numeric_limits<double>::infinity()},
    {"-Infinity", -std::numeric_limits<double>::infinity()},
}};

ordered_json write_number(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return named_numbers[0].first;
  return named_numbers[value > 0 ? 1 : 2].first;
}

std::string checksum_of(const ordered_json& values) {
  return checksum_text(crc32(values.dump()));
}

/// Takes the keys of an object one after the other, and refuses missing, wrong and remaining ones.
class Reader {
 public:
  Reader(const std::string& text, const std::filesystem::path& file) : file_(file) {
    try {
      object_ = ordered_json::parse(text);
    } catch (const ordered_json::exception&) {
      fail("it is damaged: no JSON");
    }
    if (!object_.is_object()) fail("it is damaged: no JSON object");
    auto values = object_;
    values.erase("state_crc32");
    checksum_ = checksum_of(values);
  }

  std::int64_t count(const char* key) {
    const ordered_json value = take(key);
    if (!value.is_number_integer()) fail_value(key, value, "no whole number");
    if (value.is_number_unsigned() &&
        value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
      fail_value(key, value, "too large");
    }
    if (value.get<std::int64_t>() < 0) fail_value(key, value, "negative");
    return value.get<std::int64_t>();
  }

  std::string text(const char* key) {
    const ordered_json value = take(key);
    if (!value.is_string()) fail_value(key, value, "no text");
    return value.get<std::string>();
  }

  /// Returns 0 if the key is missing, as in the states of earlier versions.
  std::int64_t count_or_zero(const char* key) { return object_.contains(key) ? count(key) : 0; }

  /// Returns an empty text if the key is missing, as in the states of earlier versions.
  std::string text_or_empty(const char* key) { return object_.contains(key) ? text(key) : ""; }

  double number(const char* key) {
    const ordered_json value = take(key);
    if (value.is_number()) return value.get<double>();
    for (const auto& [name, number] : named_numbers) {
      if (value == name) return number;
    }
    fail_value(key, value, "no number");
  }

  std::optional<double> number_or_null(const char* key) {
    if (object_.contains(key) && object_[key].is_null()) {
      object_.erase(key);
      return std::nullopt;
    }
    return number(key);
  }

  /// Refuses keys that remain, and values that are not those of the checksum beside them, if any.
  void finish() {
    const auto recorded = text_or_empty("state_crc32");
    if (!object_.empty()) fail(fmt::format("key '{}' is unknown", object_.begin().key()));
    if (recorded.empty() || recorded == checksum_) return;
    fail(fmt::format("it is damaged: its values have the checksum {}, and state_crc32 is {}",
                     checksum_, recorded));
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(fmt::format("cannot read '{}': {}", file_.string(), reason));
  }

 private:
  ordered_json take(const char* key) {
    const auto found = object_.find(key);
    if (found == object_.end()) fail(fmt::format("key '{}' is missing", key));
    ordered_json value = *found;
    object_.erase(found);
    return value;
  }

  [[noreturn]] void fail_value(const char* key, const ordered_json& value,
                               const char* fault) const {
    fail(fmt::format("{} is {}: {}", key, value.dump(), fault));
  }

  const std::filesystem::path& file_;
  ordered_json object_;
  std::string checksum_;
};

}  // namespace

std::string to_json(const TrainingState& state) {
  ordered_json object;
  object["format_version"] = format_version;
  object["step"] = state.step;
  object["samples_seen"] = state.samples_seen;
  object["rewinds"] = state.rewinds;
  object["data_fingerprint"] = state.data_fingerprint;
  object["tokenizer_sha256"] = state.tokenizer_sha256;
  object["eval_loss"] = state.eval_loss ? write_number(*state.eval_loss) : ordered_json();
  object["eval_step"] = state.eval_step;
  object["loss_scale"] = state.loss_scale ? write_number(state.loss_scale->scale) : ordered_json();
  object["loss_scale_growth"] = state.loss_scale.value_or(LossScale{}).growth;
  object["held_out_fingerprint"] = state.held_out_fingerprint;
  object["warm_start_crc32"] = state.warm_start_crc32;
  object["weights_crc32"] = state.weights_crc32;
  object["optimizer_crc32"] = state.optimizer_crc32;
  object["config_crc32"] = state.config_crc32;
  object["state_crc32"] = checksum_of(object);
  return object.dump(2) + "\n";
}

TrainingState read_state(const std::filesystem::path& file) {
  return parse_state(read_file(file), file);
}

TrainingState parse_state(const std::string& text, const std::filesystem::path& file) {
  Reader reader(text, file);
  const std::int64_t version = reader.count("format_version");
  if (version != format_version) {
    reader.fail(
        fmt::format("its format_version is {}, but this aero reads {}: use the aero that wrote it",
                    version, format_version));
  }
  TrainingState state;
  state.step = reader.count("step");
  state.samples_seen = reader.count("samples_seen");
  state.rewinds = reader.count_or_zero("rewinds");
  state.data_fingerprint = reader.text("data_fingerprint");
  state.tokenizer_sha256 = reader.text_or_empty("tokenizer_sha256");
  state.eval_loss = reader.number_or_null("eval_loss");
  state.eval_step = reader.count("eval_step");
  const auto scale = reader.number_or_null("loss_scale");
  const auto growth = reader.count("loss_scale_growth");
  if (scale) state.loss_scale = {*scale, growth};
  state.held_out_fingerprint = reader.text_or_empty("held_out_fingerprint");
  state.warm_start_crc32 = reader.text_or_empty("warm_start_crc32");
  state.weights_crc32 = reader.text_or_empty("weights_crc32");
  state.optimizer_crc32 = reader.text_or_empty("optimizer_crc32");
  state.config_crc32 = reader.text_or_empty("config_crc32");
  reader.finish();
  return state;
}

}  // namespace aero::checkpoint
