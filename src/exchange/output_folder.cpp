#include "output_folder.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

namespace aero::exchange {

namespace fs = std::filesystem;

void write_folder(const fs::path& folder, const FolderContent& content,
                  const std::function<void(const fs::path&)>& check) {
  if (fs::exists(folder)) {
    throw UsageError(
        fmt::format("{}: exists already; name another folder, or remove it", folder.string()));
  }
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path());
  AtomicFolder target(folder);
  checkpoint::save_safetensors(target.path() / content.weights_name, content.weights,
                               content.metadata);
  for (const auto& [name, text] : content.texts) write_file(target.path() / name, text);
  if (check) check(target.path());
  target.commit();
}

}  // namespace aero::exchange
