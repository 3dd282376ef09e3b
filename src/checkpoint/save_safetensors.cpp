#include "aero/checkpoint/safetensors.h"
#include "aero/core/checksum.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include "safetensors_dtype.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace aero::checkpoint {
namespace {

using nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

struct Entry {
  std::string name;
  torch::Tensor tensor;
  std::size_t dtype;  ///< index into dtypes
};

class Faults {
 public:
  explicit Faults(const std::filesystem::path& path) : path_(path) {}

  [[noreturn]] void raise(const std::string& reason) const {
    throw Error(fmt::format("cannot write '{}': {}", path_.string(), reason));
  }

 private:
  const std::filesystem::path& path_;
};

std::vector<Entry> in_file_order(const TensorMap& tensors, const Faults& faults) {
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__") faults.raise("no tensor can have the name '__metadata__'");
    if (!tensor.defined()) faults.raise(fmt::format("tensor '{}' is undefined", name));
    if (tensor.layout() != torch::kStrided)
      faults.raise(fmt::format("tensor '{}' is not dense", name));
    const auto found = std::find_if(dtypes.begin(), dtypes.end(), [&](const Dtype& dtype) {
      return dtype.type == tensor.scalar_type();
    });
    if (found == dtypes.end()) {
      faults.raise(fmt::format("tensor '{}' has dtype {}, which safetensors files cannot hold",
                               name, c10::toString(tensor.scalar_type())));
    }
    entries.push_back({name, tensor.detach(), static_cast<std::size_t>(found - dtypes.begin())});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.dtype < b.dtype; });
  return entries;
}

std::string header_of(const std::vector<Entry>& entries, const Metadata& metadata,
                      const Faults& faults) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const Entry& entry : entries) {
    const std::size_t end = offset + entry.tensor.nbytes();
    header[entry.name] = {{"dtype", dtypes[entry.dtype].name},
                          {"shape", entry.tensor.sizes().vec()},
                          {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::type_error&) {
    faults.raise("the names of tensors and the metadata must be UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > header_limit) faults.raise("the header is longer than 100 MB");
  return text;
}

}  // namespace

std::uint32_t save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                               const Metadata& metadata, TensorAccess* access) {
  const Faults faults(path);
  const std::vector<Entry> entries = in_file_order(tensors, faults);
  const std::string header = header_of(entries, metadata, faults);
  const std::uint64_t length = header.size();
  char prefix[sizeof length];
  std::memcpy(prefix, &length, sizeof length);

  AtomicFile file(path);
  std::uint32_t checksum = 0;
  const auto append = [&](std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(part, bytes.size()))) {
      checksum = crc32(bytes.substr(0, part), checksum);
      file.append(bytes.substr(0, part));
    }
  };
  append({prefix, sizeof prefix});
  append(header);
  for (const Entry& entry : entries) {
    const torch::Tensor tensor = access == nullptr ? entry.tensor : access->begin(entry.tensor);
    const torch::Tensor data = tensor.cpu().contiguous();
    append({static_cast<const char*>(data.const_data_ptr()), data.nbytes()});
    if (access != nullptr) access->end(entry.tensor);
  }
  file.commit();
  return checksum;
}

}  // namespace aero::checkpoint
