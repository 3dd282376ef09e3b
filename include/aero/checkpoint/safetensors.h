#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace aero::checkpoint {

using TensorMap = std::map<std::string, torch::Tensor>;
using Metadata = std::map<std::string, std::string>;

/// Writes tensors in the safetensors format (https://github.com/huggingface/safetensors):
/// little-endian, contiguous, the data section aligned to 8 bytes, wider element types first and
/// then names in order, so that the same tensors give the same bytes, and those that the Python
/// package writes. Tensors may live on any device and are copied one at a time. Written beside and
/// renamed. Returns the file's CRC-32. Throws Error (unsupported dtype, disk full).
std::uint32_t save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                               const Metadata& metadata = {});

struct SafetensorsFile {
  TensorMap tensors;  ///< own memory, on the CPU
  Metadata metadata;
  std::uint32_t crc32 = 0;  ///< of the whole file
};

/// Throws Error that names the file and, where one is at fault, the tensor: header out of bounds,
/// JSON that is none, offsets that overlap, leave gaps or end beyond the file, a size that does not
/// fit shape and dtype, a dtype that LibTorch lacks. Nothing is allocated on the header's word
/// alone.
SafetensorsFile load_safetensors(const std::filesystem::path& path);

/// Throws the same Error, without a look at what the tensors hold.
void check_safetensors(const std::filesystem::path& path);

}  // namespace aero::checkpoint
