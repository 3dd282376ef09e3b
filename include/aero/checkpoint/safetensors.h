#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace aero::checkpoint {

using TensorMap = std::map<std::string, torch::Tensor>;
using Metadata = std::map<std::string, std::string>;

/// Is asked for each tensor before it is written, and told after.
class TensorAccess {
 public:
  TensorAccess() = default;
  virtual ~TensorAccess() = default;
  TensorAccess(const TensorAccess&) = delete;
  TensorAccess& operator=(const TensorAccess&) = delete;

  /// Returns what to write in the place of a tensor: it, or an equal one.
  virtual torch::Tensor begin(const torch::Tensor& tensor) = 0;
  virtual void end(const torch::Tensor& tensor) = 0;
};

/// Writes tensors in the safetensors format (https://github.com/huggingface/safetensors):
/// little-endian, contiguous, the data section aligned to 8 bytes, wider element types first and
/// then names in order. So the same tensors give the same bytes, which are also those that the
/// Python package writes. Tensors may be on any device; they are copied one at a time. The file is
/// written beside `path` and then renamed. Returns the file's CRC-32. Throws Error (unsupported
/// dtype, disk full).
std::uint32_t save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                               const Metadata& metadata = {}, TensorAccess* access = nullptr);

struct SafetensorsFile {
  TensorMap tensors;  ///< in their own memory, on the CPU
  Metadata metadata;
  std::uint32_t crc32 = 0;  ///< of the whole file
};

/// Loads a file. Throws Error that names the file and the faulty tensor, if any: a header out of
/// bounds, invalid JSON, offsets that overlap, leave gaps or end beyond the file, a size that does
/// not fit shape and dtype, a dtype that LibTorch lacks, a write to the file while it is read.
/// Sizes are checked before memory is allocated.
SafetensorsFile load_safetensors(const std::filesystem::path& path);

/// Throws the same Error, but does not read the tensors.
void check_safetensors(const std::filesystem::path& path);

}  // namespace aero::checkpoint
