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

/// One model of a sweep, which is trained once per seed.
struct Member {
  std::string name;
  std::string folder;           ///< slug(name)
  std::vector<Change> changes;  ///< its own and the grid's, without the sweep's "set"
  RunConfig config;             ///< effective config; run_config() adds seed and run folder
};

/// The content of a sweep file: base config x members x seeds.
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

/// Reads a sweep: JSON with comments and trailing commas. docs/ablate.md documents its keys. Throws
/// a UsageError that lists every fault at once, one per line: "file: key: value: what is wrong".
/// `cost` asks for tables by another cost model or network than the file's "cost" and "network"; an
/// empty one leaves the file's.
Sweep load_sweep(const std::filesystem::path& file, const CostChoice& cost = {});

/// Reads the same from `text`, the content of `file`.
Sweep parse_sweep(const std::string& text, const std::filesystem::path& file,
                  const CostChoice& cost = {});

/// Returns the config of a member's run with a seed, in FOLDER/<slug>/seed-<seed>.
RunConfig run_config(const Sweep& sweep, const Member& member, std::int64_t seed);

/// Names the files of the tables that `pricings` shows: `name` for the pricing of the sweep file,
/// and for another one `name` with the cost model and network, "norms.aero_papers",
/// "norms.spu.wan".
std::string table_name(const std::string& name, const Pricings& pricings);

/// Makes a folder name of `name`: keeps [A-Za-z0-9+_.=()-], and turns every other character and a
/// leading dot into "-".
std::string slug(std::string_view name);

}  // namespace aero::pipeline
