"""The parts catalogue and the technicians: who can repair what, and with which spare."""

import numpy as np

from llo11ypop.simulator.shape import Part, Site, Technician

_PARTS = [
    # part_no, type, vendor, description, single source, stock per 100 nodes, lead time d, cost USD, vendor risk
    ("900-21010-0000", "gpu", "NVIDIA", "H100 SXM5 80GB module", 1, 6.0, 63.0, 31000.0, 0.55),
    ("900-21001-0020", "gpu", "NVIDIA", "A100 SXM4 80GB module", 1, 6.0, 42.0, 12000.0, 0.45),
    ("900-2G133-0000", "gpu", "NVIDIA", "B200 SXM module", 1, 3.0, 84.0, 42000.0, 0.6),
    ("935-24287-0000", "baseboard", "NVIDIA", "HGX 8-GPU baseboard", 1, 1.5, 77.0, 58000.0, 0.55),
    ("FAN-0196L4", "fan", "Delta", "80 mm counter-rotating fan module", 0, 25.0, 9.0, 85.0, 0.1),
    ("FAN-8056-B", "fan", "Sanyo Denki", "80 mm fan module, second source", 0, 12.0, 14.0, 92.0, 0.15),
    ("PWS-3K06G", "psu", "Delta", "3 kW titanium power supply", 0, 10.0, 21.0, 640.0, 0.2),
    ("M321R8GA0BB0", "dimm", "Samsung", "64 GB DDR5-4800 RDIMM", 0, 20.0, 12.0, 310.0, 0.15),
    ("MZQL27T6HBLA", "nvme", "Samsung", "7.68 TB U.2 NVMe", 0, 10.0, 18.0, 950.0, 0.15),
    ("MCX75310AAS", "hca", "NVIDIA", "ConnectX-7 400G adapter", 1, 8.0, 35.0, 2100.0, 0.4),
    ("MMA4Z00-NS400", "optic", "NVIDIA", "400G OSFP optic", 0, 20.0, 28.0, 1200.0, 0.35),
    ("MCP7Y00-N002", "cable", "NVIDIA", "400G passive copper cable", 0, 25.0, 16.0, 260.0, 0.2),
]
"""Part numbers are written like the vendors'; stock, lead times, prices and risks are our assumption."""

_SKILLS = [
    ("hgx_board,psu", 3),
    ("optics,network", 2),
    ("slurm,storage", 2),
    ("liquid_cooling,psu", 3),
    ("hgx_board,network", 1),
    ("psu,storage", 1),
    ("liquid_cooling,hgx_board", 2),
    ("optics,slurm", 3),
]


def build_parts(nodes: int, rng: np.random.Generator) -> list[Part]:
    """The parts catalogue, with stock that fits a fleet of `nodes` nodes."""
    out = []
    for number, kind, vendor, text, single, per_100, lead, cost, risk in _PARTS:
        stock = int(rng.poisson(max(1.0, per_100 * nodes / 100)))
        out.append(Part(number, kind, vendor, text, single, stock, lead, cost, risk))
    return out


def build_technicians(sites: list[Site], nodes: int, rng: np.random.Generator) -> list[Technician]:
    """At least six people, about 40 per 10,000 GPUs (our assumption), spread over the sites."""
    count = max(6, 2 * len(sites), round(nodes * 8 * 40 / 10_000))
    out = []
    for i in range(count):
        site = sites[i % len(sites)]
        skills, level = _SKILLS[i % len(_SKILLS)]
        near = [s.site for s in sites if s.continent == site.continent and s.site != site.site]
        certs = "electrical-lv" if "psu" in skills else "dlc-handling" if "liquid" in skills else ""
        load = int(rng.poisson(1.5))
        out.append(Technician(f"tech-{i + 1:02d}", site.site, skills, certs, level, load, ",".join(near)))
    return out
