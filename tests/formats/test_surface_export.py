from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOGeometry import vtkGLTFReader, vtkOBJReader, vtkSTLReader
from vtkmodules.vtkIOPLY import vtkPLYReader
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import Cancelled, DiskError, FormatError, MeshError
from surgtwin.formats.frame import Frame
from surgtwin.formats.gltf import linear_from_srgb
from surgtwin.formats.manifest import ManifestCase
from surgtwin.formats.surface import FORMATS, write_surfaces
from surgtwin.progress import Progress

SAME_PLACE_MM = 1e-3
SIGNS = {Frame.LPS: np.array([1.0, 1.0, 1.0]), Frame.RAS: np.array([-1.0, -1.0, 1.0])}
CASE = ManifestCase("case-7", 3, "ab" * 32, "cd" * 32, {"name": "net"})


def box(name: str, colour: tuple[int, int, int], corner: tuple[float, float, float]) -> OrganMesh:
    """A small closed box, different along each axis, far from the origin."""
    solid = trimesh.creation.box(extents=(10.0, 20.0, 31.0))
    return OrganMesh(name, solid.vertices + corner + (5.0, 10.0, 15.5), solid.faces.astype(np.int32), colour)


@pytest.fixture
def meshes() -> tuple[OrganMesh, ...]:
    return (
        box("left kidney", (185, 102, 83), (70.123, -40.456, -900.789)),
        box("Tumör 2", (10, 200, 30), (-120.5, 35.25, 410.0)),
    )


@pytest.fixture
def labels() -> LabelMap:
    voxels = np.zeros((4, 4, 4), np.uint8)
    return LabelMap(
        Grid((4, 4, 4), np.eye(4)), (voxels,), (structure_for(5, "left kidney"), structure_for(9, "Tumör 2"))
    )


def written(meshes: Any, folder: Path, formats: list[str], frame: Frame = Frame.LPS, **more: Any) -> dict[str, Any]:
    write_surfaces(meshes, folder, formats=formats, frame=frame, case=CASE, **more)
    document: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return document


def assert_same_solid(vertices: Any, faces: Any, mesh: OrganMesh, frame: Frame) -> None:
    solid = trimesh.Trimesh(np.asarray(vertices, float), np.asarray(faces))
    expected = mesh.vertices_mm * SIGNS[frame]
    np.testing.assert_allclose(solid.bounds, [expected.min(axis=0), expected.max(axis=0)], atol=SAME_PLACE_MM)
    assert solid.is_watertight
    assert solid.volume == pytest.approx(mesh.volume_ml * 1000, rel=1e-5)


def read_by_vtk(reader: Any, path: Path) -> tuple[Any, NDArray[Any], NDArray[Any]]:
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    faces = vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    return data, vtk_to_numpy(data.GetPoints().GetData()), faces


@pytest.mark.parametrize("frame", list(Frame))
@pytest.mark.parametrize(
    ("ending", "reader"),
    [("stl", vtkSTLReader), ("obj", vtkOBJReader), ("ply", vtkPLYReader), ("vtp", vtkXMLPolyDataReader)],
)
def test_vtk_reads_each_structure_at_its_place(meshes, tmp_path: Path, ending: str, reader: Any, frame: Frame):
    write_surfaces(meshes, tmp_path, formats=[ending], frame=frame)
    for mesh, stem in zip(meshes, ("left_kidney", "Tumör_2"), strict=True):
        _, vertices, faces = read_by_vtk(reader(), tmp_path / f"{stem}.{ending}")
        assert_same_solid(vertices, faces, mesh, frame)


@pytest.mark.parametrize("frame", list(Frame))
@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "3mf"])
def test_trimesh_reads_each_structure_at_its_place(meshes, tmp_path: Path, ending: str, frame: Frame):
    write_surfaces(meshes, tmp_path, formats=[ending], frame=frame)
    for mesh, stem in zip(meshes, ("left_kidney", "Tumör_2"), strict=True):
        solid = trimesh.load_mesh(tmp_path / f"{stem}.{ending}")
        assert_same_solid(solid.vertices, solid.faces, mesh, frame)


@pytest.mark.parametrize("frame", list(Frame))
def test_a_glb_scene_is_in_metres_with_y_up(meshes, tmp_path: Path, frame: Frame):
    write_surfaces(meshes, tmp_path, formats=["glb"], frame=frame)
    scene = trimesh.load_scene(tmp_path / "scene.glb")
    assert sorted(scene.graph.nodes_geometry) == sorted(m.name for m in meshes)
    for mesh in meshes:
        transform, geometry = scene.graph[mesh.name]
        solid = scene.geometry[geometry].copy().apply_transform(transform)
        left, posterior, superior = mesh.vertices_mm.T / 1000
        expected = np.stack((left, superior, -posterior), axis=1)
        np.testing.assert_allclose(solid.bounds, [expected.min(0), expected.max(0)], atol=SAME_PLACE_MM / 1000)
        assert solid.volume == pytest.approx(mesh.volume_ml * 1e-6, rel=1e-4)
        np.testing.assert_allclose(scene.geometry[geometry].volume, mesh.volume_ml * 1000, rtol=1e-5)


def test_vtk_reads_the_glb_scene(meshes, tmp_path: Path):
    write_surfaces(meshes, tmp_path, formats=["glb"])
    reader = vtkGLTFReader()
    reader.SetFileName(str(tmp_path / "scene.glb"))
    reader.ApplyDeformationsToGeometryOn()
    reader.Update()
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    blocks = reader.GetOutput().NewIterator()
    while not blocks.IsDoneWithTraversal():
        bounds = np.array(blocks.GetCurrentDataObject().GetBounds()).reshape(3, 2)
        low, high = np.minimum(low, bounds[:, 0]), np.maximum(high, bounds[:, 1])
        blocks.GoToNextItem()
    everything = np.concatenate([m.vertices_mm for m in meshes])[:, [0, 2, 1]] * (1, 1, -1) / 1000
    np.testing.assert_allclose([low, high], [everything.min(0), everything.max(0)], atol=SAME_PLACE_MM / 1000)


def test_glb_colours_are_linear_light(meshes, tmp_path: Path):
    write_surfaces(meshes, tmp_path, formats=["glb"])
    data = (tmp_path / "left_kidney.glb").read_bytes()
    document = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    (material,) = document["materials"]
    assert material["pbrMetallicRoughness"]["baseColorFactor"] == pytest.approx(
        [*linear_from_srgb((185, 102, 83)), 1.0]
    )
    assert linear_from_srgb((0, 255, 188)) == pytest.approx((0.0, 1.0, 0.502886), abs=1e-5)
    assert len(data) == int.from_bytes(data[8:12], "little")


@pytest.mark.parametrize("frame", list(Frame))
def test_the_frame_is_in_every_file_that_has_room(meshes, tmp_path: Path, frame: Frame):
    write_surfaces(meshes, tmp_path, formats=["stl", "obj", "ply", "vtp"], frame=frame)
    mark = f"SPACE={frame.value}"
    stl = (tmp_path / "left_kidney.stl").read_bytes()
    assert mark.encode() in stl[:80] and b"UNIT=mm" in stl[:80] and not stl.startswith(b"solid")
    assert mark in (tmp_path / "left_kidney.obj").read_text(encoding="utf-8").splitlines()[0]
    assert f"comment {mark} UNIT=mm".encode() in (tmp_path / "left_kidney.ply").read_bytes()[:300]
    data, _, _ = read_by_vtk(vtkXMLPolyDataReader(), tmp_path / "left_kidney.vtp")
    assert data.GetFieldData().GetAbstractArray("SPACE").GetValue(0) == frame.value
    assert data.GetFieldData().GetAbstractArray("UNIT").GetValue(0) == "mm"


def test_colours_and_names_arrive(meshes, labels: LabelMap, tmp_path: Path):
    write_surfaces(meshes, tmp_path, formats=["obj", "ply", "vtp"], structures=labels.structures)
    ply = trimesh.load_mesh(tmp_path / "left_kidney.ply")
    assert np.all(ply.visual.vertex_colors[:, :3] == (185, 102, 83))
    obj = trimesh.load_mesh(tmp_path / "left_kidney.obj")
    np.testing.assert_array_equal(obj.visual.material.diffuse[:3], (185, 102, 83))
    assert "\no left kidney\n" in (tmp_path / "left_kidney.obj").read_text(encoding="utf-8")
    data, _, _ = read_by_vtk(vtkXMLPolyDataReader(), tmp_path / "Tumör_2.vtp")
    assert np.all(vtk_to_numpy(data.GetPointData().GetArray("RGB")) == (10, 200, 30))
    assert data.GetFieldData().GetAbstractArray("Name").GetValue(0) == "Tumör 2"
    kidney, _, _ = read_by_vtk(vtkXMLPolyDataReader(), tmp_path / "left_kidney.vtp")
    assert kidney.GetFieldData().GetAbstractArray("Code").GetValue(0) == "SCT:64033007"


def test_3mf_holds_names_colours_and_millimetres(meshes, tmp_path: Path):
    import lib3mf
    from lib3mf.Lib3MF import ModelUnit

    write_surfaces(meshes, tmp_path, formats=["3mf"], frame=Frame.RAS)
    wrapper = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.QueryReader("3mf").ReadFromFile(str(tmp_path / "scene.3mf"))
    assert model.GetUnit() == ModelUnit.MilliMeter
    found = {}
    solids = model.GetMeshObjects()
    while solids.MoveNext():
        solid = solids.GetCurrentMeshObject()
        resource, index, is_set = solid.GetObjectLevelProperty()
        colour = model.GetBaseMaterialGroupByID(resource).GetDisplayColor(index)
        assert is_set and solid.IsManifoldAndOriented()
        found[solid.GetName()] = (colour.Red, colour.Green, colour.Blue)
    assert found == {m.name: m.colour for m in meshes}
    scene = trimesh.load_scene(tmp_path / "scene.3mf")
    everything = np.concatenate([m.vertices_mm for m in meshes]) * SIGNS[Frame.RAS]
    np.testing.assert_allclose(scene.bounds, [everything.min(0), everything.max(0)], atol=SAME_PLACE_MM)


def test_the_manifest_tells_of_every_file(meshes, labels: LabelMap, tmp_path: Path):
    document = written(meshes, tmp_path, list(FORMATS), Frame.RAS, structures=labels.structures)
    files = {p.name for p in tmp_path.iterdir()} - {"manifest.json"}
    assert {f["file"] for f in document["files"]} == files and len(files) == 2 * 7 + 2
    for entry in document["files"]:
        assert entry["sha256"] == hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest()
        assert entry["frame"] == "RAS" and entry["unit"] == "mm"
    kidney = next(f for f in document["files"] if f["file"] == "left_kidney.stl")
    assert kidney["structure"] == "left kidney" and kidney["label"] == 5 and kidney["triangles"] == 12
    assert kidney["code"]["value"] == "64033007" and kidney["laterality"] == "Left"
    assert kidney["colour"] == [185, 102, 83] and kidney["volume_ml"] == pytest.approx(6.2)
    scene = next(f for f in document["files"] if f["file"] == "scene.glb")
    assert [s["structure"] for s in scene["structures"]] == ["left kidney", "Tumör 2"]
    assert document["case_id"] == "case-7" and document["revision"] == 3 and document["model"] == {"name": "net"}
    assert document["source"]["series_uid_sha256"] == "ab" * 32


def test_files_come_back_in_order_with_the_manifest_last_and_nothing_else_stays(meshes, tmp_path: Path):
    paths = write_surfaces(meshes, tmp_path / "new" / "folder", formats=["obj"])
    assert [p.name for p in paths] == [
        "left_kidney.obj", "left_kidney.mtl", "Tumör_2.obj", "Tumör_2.mtl", "manifest.json",
    ]  # fmt: skip
    assert sorted(p.name for p in paths[0].parent.iterdir()) == sorted(p.name for p in paths)


def test_unknown_formats_no_meshes_and_twins_by_name_are_refused(meshes, tmp_path: Path):
    with pytest.raises(FormatError, match="'step' is not a surface format"):
        write_surfaces(meshes, tmp_path, formats=["stl", "step"])
    with pytest.raises(FormatError, match="No format"):
        write_surfaces(meshes, tmp_path, formats=[])
    with pytest.raises(MeshError, match="no surface"):
        write_surfaces((), tmp_path, formats=["stl"])
    with pytest.raises(MeshError, match="same name"):
        write_surfaces((meshes[0], meshes[0]), tmp_path, formats=["stl"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", list(FORMATS))
def test_a_folder_that_cannot_be_written_is_a_disk_error(meshes, tmp_path: Path, ending: str):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError):
        write_surfaces(meshes, tmp_path / "file", formats=[ending])


@pytest.mark.parametrize("ending", list(FORMATS))
def test_a_name_that_is_taken_by_a_folder_is_a_disk_error_and_leaves_nothing(meshes, tmp_path: Path, ending: str):
    (tmp_path / f"left_kidney.{ending}").mkdir()
    with pytest.raises(DiskError):
        write_surfaces(meshes[:1], tmp_path, formats=[ending])
    assert not [p for p in tmp_path.iterdir() if "partial" in p.name]


def test_cancel_stops_between_files(meshes, tmp_path: Path):
    with pytest.raises(Cancelled):
        write_surfaces(meshes, tmp_path, formats=["stl"], progress=Progress(is_cancelled=lambda: True))
    assert not list(tmp_path.iterdir())


def test_a_3mf_of_the_same_surfaces_has_the_same_bytes(meshes, tmp_path: Path):
    for name in ("a", "b"):
        written(meshes, tmp_path / name, ["3mf"])
    first = sorted((tmp_path / "a").glob("*.3mf"))
    assert len(first) == len(meshes) + 1
    for path in first:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
