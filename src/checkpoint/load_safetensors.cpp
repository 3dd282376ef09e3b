#include "aero/checkpoint/safetensors.h"
#include "aero/core/checksum.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include "safetensors_dtype.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <future>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace aero::checkpoint {
namespace {

using nlohmann::json;

constexpr std::size_t prefix_size = sizeof(std::uint64_t);
constexpr int deepest = 3;  ///< { "name": { "shape": [

/// A fault in a file, before its path is added to the message.
class Damage : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

struct Entry {
  std::string name;
  torch::ScalarType type;
  std::vector<std::int64_t> shape;
  std::size_t begin;
  std::size_t end;
};

std::string header_text(const RandomAccessFile& file) {
  if (file.size() < prefix_size) {
    throw Damage(fmt::format("it has {} bytes, too few for a header", file.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.bytes(0, prefix_size).data(), prefix_size);
  const std::string claim = fmt::format("its header should have {} bytes", length);
  if (length > header_limit) throw Damage(claim + ", more than the 100 MB allowed");
  if (length > file.size() - prefix_size) {
    throw Damage(fmt::format("{} and the whole file has {}", claim, file.size()));
  }
  return file.bytes(prefix_size, length);
}

json parse_header(std::string_view text) {
  if (!text.starts_with('{')) throw Damage("its header is no JSON object");
  std::vector<std::set<std::string>> keys;
  const auto watch = [&keys](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      if (depth >= deepest) throw Damage("its header is nested too deeply");
    }
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& name = value.get_ref<const std::string&>();
      if (!keys.back().insert(name).second) {
        throw Damage(fmt::format("its header names '{}' twice", name));
      }
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::exception&) {
    throw Damage("its header is no JSON");
  }
}

Metadata read_metadata(const json& value) {
  Metadata metadata;
  if (!value.is_object()) throw Damage("__metadata__ is no JSON object");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) throw Damage(fmt::format("__metadata__ '{}' is no text", key));
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

std::vector<std::uint64_t> read_sizes(const json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) {
    throw Damage(fmt::format("no list of numbers in '{}'", key));
  }
  std::vector<std::uint64_t> sizes;
  for (const json& size : *found) {
    if (!size.is_number_unsigned() ||
        size.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
      throw Damage(fmt::format("'{}' holds {}", key, size.dump()));
    }
    sizes.push_back(size.get<std::uint64_t>());
  }
  return sizes;
}

torch::ScalarType read_dtype(const json& entry) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string()) throw Damage("no text in 'dtype'");
  const auto& name = found->get_ref<const std::string&>();
  for (const Dtype& dtype : dtypes) {
    if (dtype.name == name) return dtype.type;
  }
  throw Damage(fmt::format("its dtype '{}' is not supported", name));
}

/// Returns the bytes of a dense tensor, or nothing if its strides do not fit into 63 bits.
std::optional<std::uint64_t> bytes_of(const std::vector<std::uint64_t>& shape, std::size_t width) {
  std::int64_t extent = static_cast<std::int64_t>(width);
  for (const std::uint64_t size : shape) {
    const std::uint64_t factor = std::max<std::uint64_t>(size, 1);
    if (__builtin_mul_overflow(extent, factor, &extent)) return std::nullopt;
  }
  const bool empty = std::find(shape.begin(), shape.end(), 0U) != shape.end();
  return empty ? 0 : static_cast<std::uint64_t>(extent);
}

Entry read_entry(const std::string& name, const json& value) {
  if (!value.is_object()) throw Damage("no JSON object");
  const torch::ScalarType type = read_dtype(value);
  const auto shape = read_sizes(value, "shape");
  const auto offsets = read_sizes(value, "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw Damage(
        fmt::format("'data_offsets' is no beginning and end: {}", value["data_offsets"].dump()));
  }
  const auto expected = bytes_of(shape, c10::elementSize(type));
  if (!expected || *expected != offsets[1] - offsets[0]) {
    throw Damage(fmt::format("shape {} of {} does not fit the {} bytes it has in the file",
                             value["shape"].dump(), value["dtype"].get<std::string>(),
                             offsets[1] - offsets[0]));
  }
  return {name, type, {shape.begin(), shape.end()}, offsets[0], offsets[1]};
}

/// Checks entries in the order of the file: each tensor must begin where the one before ends, and
/// the last one must end with the file.
void check_layout(const std::vector<Entry>& entries, std::size_t data_size) {
  std::size_t offset = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != offset) {
      throw Damage(fmt::format(
          "tensor '{}' begins at byte {} of the data and not at {}, where the one before ends",
          entry.name, entry.begin, offset));
    }
    offset = entry.end;
  }
  if (offset != data_size) {
    throw Damage(fmt::format("its tensors have {} bytes and the file holds {}", offset, data_size));
  }
}

/// The checksum of tensors that are read one after another. Threads compute it beside the reading,
/// which is hardly faster.
class ChecksumBeside {
 public:
  explicit ChecksumBeside(std::uint32_t begin) {
    std::promise<std::uint32_t> first;
    first.set_value(begin);
    sum_ = first.get_future();
  }

  /// Goes on over the memory of a tensor.
  void add(const torch::Tensor& tensor) {
    waiting_.push_back(tensor);
    waiting_bytes_ += tensor.nbytes();
    if (waiting_bytes_ >= fewest_bytes) start();
  }

  std::uint32_t sum() {
    start();
    return sum_.get();
  }

 private:
  static constexpr std::size_t fewest_bytes = 4 * part;  // worth a thread

  void start() {
    sum_ = std::async(std::launch::async, [tensors = std::exchange(waiting_, {}),
                                           before = std::move(sum_)]() mutable {
      auto sum = before.get();
      for (const auto& tensor : tensors) {
        sum = crc32({static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()}, sum);
      }
      return sum;
    });
    waiting_bytes_ = 0;
  }

  std::future<std::uint32_t> sum_;
  std::vector<torch::Tensor> waiting_;
  std::size_t waiting_bytes_ = 0;
};

/// Reads a tensor. The tensors' bytes begin at `data`.
torch::Tensor read_tensor(const Entry& entry, const RandomAccessFile& file, std::size_t data,
                          ChecksumBeside& checksum) {
  const bool truth = entry.type == torch::kBool;
  torch::Tensor tensor = torch::empty(entry.shape, truth ? torch::kUInt8 : entry.type);
  if (entry.end > entry.begin) {
    file.read(data + entry.begin,
              {static_cast<char*>(tensor.mutable_data_ptr()), entry.end - entry.begin});
    checksum.add(tensor);
  }
  // A byte other than 0 and 1 would not be a valid bool in memory.
  return truth ? tensor.to(torch::kBool) : tensor;
}

/// The content of a header, and the place where the tensors' bytes begin.
struct Parsed {
  Metadata metadata;
  std::vector<Entry> entries;
  std::size_t data;
};

Parsed parse(const RandomAccessFile& file) {
  Parsed result;
  const std::string text = header_text(file);
  result.data = prefix_size + text.size();
  const json header = parse_header(text);
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      result.metadata = read_metadata(value);
      continue;
    }
    try {
      result.entries.push_back(read_entry(name, value));
    } catch (const Damage& damage) {
      throw Damage(fmt::format("tensor '{}': {}", name, damage.what()));
    }
  }
  std::sort(result.entries.begin(), result.entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  check_layout(result.entries, file.size() - result.data);
  return result;
}

Parsed parse_or_name(const RandomAccessFile& file) {
  try {
    return parse(file);
  } catch (const Damage& damage) {
    throw Error(fmt::format("'{}' is damaged or not a safetensors file: {}", file.path().string(),
                            damage.what()));
  }
}

}  // namespace

SafetensorsFile load_safetensors(const std::filesystem::path& path) {
  const RandomAccessFile file(path);
  const Parsed parsed = parse_or_name(file);
  SafetensorsFile result{{}, parsed.metadata};
  ChecksumBeside checksum(crc32(file.bytes(0, parsed.data)));
  for (const Entry& entry : parsed.entries) {
    result.tensors.emplace(entry.name, read_tensor(entry, file, parsed.data, checksum));
  }
  result.crc32 = checksum.sum();
  file.require_unchanged();
  return result;
}

void check_safetensors(const std::filesystem::path& path) {
  parse_or_name(RandomAccessFile(path));
}

}  // namespace aero::checkpoint
