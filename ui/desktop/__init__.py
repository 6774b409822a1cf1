"""The desktop: Qt and VTK."""
