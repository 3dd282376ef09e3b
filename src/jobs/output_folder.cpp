#include "aero/jobs/output_folder.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <unistd.h>

#include <climits>

namespace aero::jobs {
namespace {

namespace fs = std::filesystem;

/// Returns the deepest folder or file of the path that exists, at worst the root.
fs::path existing_part(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path != path.parent_path()) path = path.parent_path();
  return path;
}

std::size_t limit(const fs::path& place, int name, std::size_t usual) {
  const long value = ::pathconf(place.c_str(), name);
  return value > 0 ? static_cast<std::size_t>(value) : usual;
}

std::string too_long(const char* what, std::size_t bytes, std::size_t most) {
  return fmt::format("{} of {} bytes, where the file system takes {}", what, bytes, most);
}

}  // namespace

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(fmt::format("cannot create '{}': {}", folder.string(), error.message()));
}

std::string path_fault(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error).lexically_normal();
  const fs::path place = existing_part(whole);
  if (place != whole && !fs::is_directory(place, error))
    return fmt::format("'{}' is a file", place.string());
  const std::size_t longest = limit(place, _PC_NAME_MAX, NAME_MAX);
  for (const fs::path& name : whole) {
    const std::size_t bytes = name.string().size();
    if (bytes > longest) return too_long("a name", bytes, longest);
  }
  const std::size_t most = limit(place, _PC_PATH_MAX, PATH_MAX) - 1;  // for the final zero
  const std::size_t bytes = whole.string().size();
  return bytes > most ? too_long("a path", bytes, most) : "";
}

std::string run_path_fault(const fs::path& folder) {
  return path_fault(folder / "checkpoints" / ".step-00000000.tmp-0000000000" /
                    ".optimizer.safetensors.tmp-0000000000");
}

}  // namespace aero::jobs
