// Which files there are, and how they are packed into tasks of about the same size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace text {

struct File {
  std::string path;  // within the folder
  std::uint64_t bytes = 0;
};

/// The files one task reads.
struct Bundle {
  std::vector<File> files;
  std::uint64_t bytes = 0;
};

/// All plain files under `folder`, largest first. Links are not followed, and names that a list of
/// digests cannot hold (with line breaks or backslashes) are left out. std::runtime_error, with
/// the folder named, when it cannot be read.
std::vector<File> list_files(const std::string& folder);

/// Packs files, in the order given, into bundles of at least `bytes_min`: a large file travels
/// alone, small ones together. Largest first in, largest first out: the tasks that take longest
/// start first, so that all engines finish at about the same time.
std::vector<Bundle> pack(const std::vector<File>& files, std::uint64_t bytes_min);

/// A `bytes_min` that gives each engine some twenty tasks to even out with.
std::uint64_t fair_bundle_bytes(const std::vector<File>& files, std::size_t engines);

}  // namespace text
