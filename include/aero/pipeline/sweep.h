#pragma once

#include "aero/config/run_config.h"
#include "aero/pipeline/change.h"
#include "aero/pipeline/pricing.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace aero::pipeline {

/// One model of a sweep, trained once a seed.
struct Member {
  std::string name;
  std::string folder;           ///< slug(name)
  std::vector<Change> changes;  ///< its own and the grid's, not those of all members
  RunConfig config;             ///< effective; run_config() adds seed and run folder
};

/// What a sweep file asks for: base config x members x seeds.
struct Sweep {
  std::filesystem::path file;
  std::filesystem::path base;
  std::string name;
  std::filesystem::path folder;  ///< holds FOLDER/<slug>/seed-<s> and the tables
  std::vector<Member> members;   ///< at least one
  std::vector<std::int64_t> seeds;
  std::size_t baseline = 0;  ///< index of the member that the others are compared with
  Pricings pricings;         ///< what private inference of each member costs
};

/// Reads a sweep: JSON with comments and trailing commas, its keys in docs/ablate.md. Throws
/// UsageError that lists every fault at once, a line each: "file: key: value: what is wrong".
/// `cost` asks for tables by another cost model or network than the file's "cost" and "network";
/// what it does not name is the file's.
Sweep load_sweep(const std::filesystem::path& file, const CostChoice& cost = {});

/// The same from a text that stands for `file`.
Sweep parse_sweep(const std::string& text, const std::filesystem::path& file,
                  const CostChoice& cost = {});

/// The run of a member with a seed, in FOLDER/<slug>/seed-<seed>.
RunConfig run_config(const Sweep& sweep, const Member& member, std::int64_t seed);

/// What the tables are called that `pricings` shows: those of the file itself by `name`, others
/// with cost model and network behind it, "norms.aero_papers", "norms.spu.wan".
std::string table_name(const std::string& name, const Pricings& pricings);

/// A name as a folder: [A-Za-z0-9+_.=()-] stay, anything else and a leading dot become "-".
std::string slug(std::string_view name);

}  // namespace aero::pipeline
